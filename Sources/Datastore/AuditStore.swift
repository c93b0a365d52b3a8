import LicenseModel
import Tenancy

/// A record of an audit chain as a shared store keeps it. What it says is in `line`; the rest is there to find it.
public struct AuditRow: Sendable, Hashable {
    /// Whose chain: a number that one server has at a time.
    public let chain: Int32
    /// Position in the chain, from 1.
    public let sequence: Int64
    /// Whose trail the record belongs to; nil for none.
    public let partner: PartnerID?
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let time: Int64
    /// Text with the code of itself and the line before, without a newline.
    public let line: [UInt8]

    public init(chain: Int32, sequence: Int64, partner: PartnerID?, time: Int64, line: [UInt8]) {
        self.chain = chain
        self.sequence = sequence
        self.partner = partner
        self.time = time
        self.line = line
    }

    public var place: AuditPlace { AuditPlace(time: time, chain: chain, sequence: sequence) }
}

/// Where a record is in a partner's trail, which goes over all chains.
public struct AuditPlace: Sendable, Hashable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let time: Int64
    public let chain: Int32
    public let sequence: Int64

    public init(time: Int64, chain: Int32, sequence: Int64) {
        self.time = time
        self.chain = chain
        self.sequence = sequence
    }

    /// In the order of a trail: the newest first; of one moment by chain, and within one the last first.
    public func isBefore(_ other: AuditPlace) -> Bool {
        (-time, chain, -sequence) < (-other.time, other.chain, -other.sequence)
    }
}

/// A change that was noted before it is made and has no record yet.
public struct NotedChange: Sendable, Hashable {
    public struct ID: Sendable, Hashable {
        public let chain: Int32
        public let change: String

        public init(chain: Int32, change: String) {
            self.chain = chain
            self.change = change
        }
    }

    public let id: ID
    public let line: [UInt8]

    public init(id: ID, line: [UInt8]) {
        self.id = id
        self.line = line
    }
}

/// A chain that one server may go on with.
public struct OpenedAuditChain: Sendable {
    public let chain: Int32
    /// The last two records, or fewer when there are not as many, oldest first.
    public let end: [AuditRow]
    /// What whoever had the chain before left behind.
    public let noted: [NotedChange]

    public init(chain: Int32, end: [AuditRow], noted: [NotedChange]) {
        self.chain = chain
        self.end = end
        self.noted = noted
    }
}

/// The audit trail of a shared store: a chain for every server, in one place, where each reads all of them.
///
/// Blocking, for any thread. What was returned from is durable; what threw is not, unless it says that it may be.
public protocol AuditStore: Sendable {
    /// Takes a chain that no other server has: the preferred one, else the first that is free. It is this server's
    /// until the store is closed, or its connection is lost: then `append` and `note` throw `diverged`, and a chain is
    /// to be opened anew.
    ///
    /// - Parameter isDoubtful: something of this server may be under way in the preferred chain. Then none is opened
    ///   before nothing is, and what is found in it is as durable as what is written from then on.
    func openChain(
        preferring chain: Int32?, isDoubtful: Bool
    ) throws(DatastoreError) -> OpenedAuditChain

    /// Throws `diverged` unless this server has a chain still.
    func checkChain() throws(DatastoreError)

    /// Writes records at the end of the own chain, and forgets changes that are on record by them, all or nothing.
    ///
    /// - Parameter requiresNotes: throws `notFound`, and writes nothing, when one of the changes is not noted any more.
    func append(
        _ rows: [AuditRow], ending changes: [NotedChange.ID], requiresNotes: Bool
    ) throws(DatastoreError)

    /// Notes changes in the name of the own chain.
    func note(_ changes: [NotedChange]) throws(DatastoreError)

    /// Takes what was noted in another chain over into the own one, as far as it is still there.
    func adopt(_ changes: [NotedChange.ID]) throws(DatastoreError)

    func forget(_ changes: [NotedChange.ID]) throws(DatastoreError)

    /// The last record of each chain, by chain.
    func ends() throws(DatastoreError) -> [AuditRow]

    /// Records of a chain after a sequence, in their order; fewer than `limit` only at its end.
    func rows(of chain: Int32, after sequence: Int64, limit: Int) throws(DatastoreError) -> [AuditRow]

    /// Those of the records that are there.
    func rows(of chain: Int32, at sequences: [Int64]) throws(DatastoreError) -> [AuditRow]

    /// A partner's records of all chains, newest first, and how many there are in all.
    func page(
        in scope: PartnerScope, after place: AuditPlace?, limit: Int
    ) throws(DatastoreError) -> (rows: [AuditRow], total: Int64)

    /// Changes noted in chains that no server has now.
    func abandoned() throws(DatastoreError) -> [NotedChange]

    /// Every change that is noted now.
    func noted() throws(DatastoreError) -> [NotedChange]
}
