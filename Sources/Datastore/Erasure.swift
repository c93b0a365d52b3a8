import LicenseModel
import Tenancy

/// The replacement of one person by an anonymous one. It folds the person's bucket through its own revision, so that
/// no body is needed any more for what it says about that person.
public struct Erasure: Sendable {
    /// The ids of the person: their bytes must not be left in any file.
    public let users: [UserID]
    /// Ids that others have by now and the person had before: bodies with their bytes may name the person as well.
    public let formerUsers: [UserID]
    /// Of kind `erasure`; does not name the person.
    public let entry: LogEntry
    /// Whose rows `states` are.
    public let bucket: Int
    /// All rows of the bucket that changed since it was folded last, without the person.
    public let states: [StateRow]
    /// A stored body without what it says about the person's customer; nil when it says nothing about that one, though
    /// it may have the bytes of one of the ids. Throws for a body that is none.
    public let withdrawing: @Sendable ([UInt8]) throws -> [UInt8]?

    public init(
        of users: [UserID], formerUsers: [UserID] = [], entry: LogEntry, bucket: Int = 0, states: [StateRow],
        withdrawing: @escaping @Sendable ([UInt8]) throws -> [UInt8]? = { _ in nil }
    ) {
        self.users = users
        self.formerUsers = formerUsers
        self.entry = entry
        self.bucket = bucket
        self.states = states
        self.withdrawing = withdrawing
    }
}
