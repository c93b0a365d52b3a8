/// What became of one customer in one run.
public struct CustomerOutcome: Sendable {
    public var customerID: String
    public var name: String
    /// By source, in the order of `SyncSource`.
    public var failures: [(source: SyncSource, failure: SourceFailure)] = []
    /// Rows of the directory's list; nil = not read.
    public var subscriptions: Int?
    public var users: Int?
    /// Days of activity that were read; nil = not read.
    public var days: Int?
    /// Facts that were sent.
    public var facts: Int64 = 0
    /// What the reader of the figures should know.
    public var notes: [String] = []

    init(_ customer: SyncCustomer) {
        customerID = customer.customerID
        name = customer.name ?? ""
    }

    /// The same with one failure for all sources.
    func failed(_ sources: Set<SyncSource>, _ failure: SourceFailure) -> CustomerOutcome {
        var outcome = self
        outcome.failures = sources.sorted().map { ($0, failure) }
        return outcome
    }

    public var hasFailed: Bool { !failures.isEmpty }

    /// Each failure once, though several sources have it.
    public var reasons: [SourceFailure] {
        var reasons: [SourceFailure] = []
        for (_, failure) in failures where !reasons.contains(failure) { reasons.append(failure) }
        return reasons
    }
}
