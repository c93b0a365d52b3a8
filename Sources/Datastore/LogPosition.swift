import LicenseModel
import Tenancy

/// Up to where somebody knows the log. Made by the engine; whoever follows hands back what it was given.
public struct LogPosition: Sendable, Hashable {
    /// The last entry.
    public let revision: Revision
    /// How many changes of access there were, those that make no revision too. 0 where one server has the store.
    public let generation: Int64
    /// Tells the last entry, and the last change of access, from any other that could have come to be of the same
    /// revision or generation, such as after a failover that lost one. Nil: not known, and not compared.
    public let digest: [UInt8]?

    /// Before everything.
    public static let none = LogPosition(revision: .none)

    public init(revision: Revision, generation: Int64 = 0, digest: [UInt8]? = nil) {
        self.revision = revision
        self.generation = generation
        self.digest = digest
    }
}

/// What was written after a position, by others or by oneself.
public struct LogNews: Sendable, Hashable {
    /// In order and without a gap, the first right after the position asked for.
    public let entries: [LogEntry]
    /// Whose callers changed since; a partner may be told before the entry that created it.
    public let partners: [PartnerAccess]
    /// Behind all this: where to ask from next.
    public let position: LogPosition
    /// Whether this was everything at the moment of the question.
    public let isComplete: Bool

    public init(entries: [LogEntry], partners: [PartnerAccess], position: LogPosition, isComplete: Bool) {
        self.entries = entries
        self.partners = partners
        self.position = position
        self.isComplete = isComplete
    }

    /// Nothing new.
    public init(at position: LogPosition) {
        self.init(entries: [], partners: [], position: position, isComplete: true)
    }

    public var isEmpty: Bool { entries.isEmpty && partners.isEmpty }
}
