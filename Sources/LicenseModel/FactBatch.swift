/// The number of accepted changes so far: every accepted batch, erasure and created partner makes exactly one more.
public struct Revision: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: Int64

    /// Nothing was accepted yet.
    public static let none = Revision(number: 0)

    public init(number: Int64) {
        self.number = number
    }

    public var next: Revision { Revision(number: number &+ 1) }
    public var description: String { String(number) }

    public static func < (left: Revision, right: Revision) -> Bool { left.number < right.number }
}

/// Validated facts that are accepted or refused together. Ids, days, names and quantities are within `FactLimits`.
public struct FactBatch: Sendable, Hashable {
    /// Makes a repeated batch count once; 1–128 visible ASCII characters.
    public let id: BatchID
    public let facts: [Fact]

    public init(id: BatchID, facts: [Fact]) {
        self.id = id
        self.facts = facts
    }
}
