import ImportFormats
import LicenseModel

/// The server that facts are sent to.
public protocol FactsReceiver: Sendable {
    /// What the server knows of every customer.
    func knownCustomers() async throws -> KnownCustomers

    /// Sends an import and waits until it counts.
    func send(_ plan: ImportPlan, _ inspection: ImportInspection) async throws -> SentFacts
}

/// What a server made of an import.
public struct SentFacts: Sendable {
    public var facts: Int64
    /// Facts that a batch of the same name and content had brought before.
    public var hasKnownBatches: Bool

    public init(facts: Int64, hasKnownBatches: Bool) {
        self.facts = facts
        self.hasKnownBatches = hasKnownBatches
    }
}

/// All customers that the server knows, by id, and its revision.
public struct KnownCustomers: Sendable {
    public var customers: [String: KnownCustomer]
    public var revision: Int64

    public init(customers: [String: KnownCustomer], revision: Int64) {
        self.customers = customers
        self.revision = revision
    }
}

/// A customer as the server knows it.
public struct KnownCustomer: Sendable {
    public struct Relationship: Sendable {
        public var partnerID: String
        public var start: Day
        /// Half-open; nil = open.
        public var end: Day?

        public init(partnerID: String, start: Day, end: Day?) {
            self.partnerID = partnerID
            self.start = start
            self.end = end
        }
    }

    public var name = ""
    public var market = ""
    public var relationships: [Relationship] = []
    /// The day through which each source has reported.
    public var through: [SyncSource: Day] = [:]

    public init() {}
}
