import LicenseModel

/// When a fact came: of two facts the later one has the greater moment. The same at every replay of the log.
struct Moment: Sendable, Hashable, Comparable {
    /// Bits for the place in a batch, which has no more facts than bytes.
    private static let placeBits: UInt64 = 28

    private let number: UInt64

    /// Before every fact: what old rows do not tell.
    static let unknown = Moment(number: 0)
    static let last = Moment(number: .max)

    private init(number: UInt64) {
        self.number = number
    }

    /// - Parameter place: of the fact in its batch.
    init(_ revision: Revision, place: Int) {
        let place = UInt64(clamping: place)
        number =
            UInt64(bitPattern: revision.number) &<< Self.placeBits | min(place, Self.lastPlace)
    }

    private static var lastPlace: UInt64 { 1 &<< placeBits &- 1 }

    var revision: Revision { Revision(number: Int64(number >> Self.placeBits)) }
    var place: UInt64 { number & Self.lastPlace }
    /// Behind this moment and before every later one.
    var next: Moment { self == .last ? self : Moment(number: number &+ 1) }

    static func < (left: Moment, right: Moment) -> Bool { left.number < right.number }
}
