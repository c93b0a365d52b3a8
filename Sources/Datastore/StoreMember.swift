import LicenseModel

/// A server that is on the store, or was.
public struct StoreMember: Sendable, Hashable {
    public let id: Int32
    /// For people.
    public let name: String
    /// Since it last told that it lives, by the store's clock.
    public let silence: Duration
    /// What it had applied then; without a digest.
    public let applied: LogPosition
    /// The one that asks.
    public let isSelf: Bool

    public init(id: Int32, name: String, silence: Duration, applied: LogPosition, isSelf: Bool) {
        self.id = id
        self.name = name
        self.silence = silence
        self.applied = applied
        self.isSelf = isSelf
    }
}
