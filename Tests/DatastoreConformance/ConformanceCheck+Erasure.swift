import Datastore
import LicenseModel
import Tenancy

/// A person in every kind of fact that names one, beside others that must stay.
public struct PersonSample {
    public let customer: CustomerID
    public let user: UserID

    public init(number: Int = 1) throws {
        customer = try CustomerID("customer-\(number)")
        user = try UserID("jan.de.vries-\(number)@contoso.example")
    }

    public func facts(user: UserID, name: String, of customer: CustomerID) throws -> [Fact] {
        let other = try UserID("other@contoso.example")
        let sku = try SkuID("E3")
        let day = Day(number: 20_500)
        return [
            .user(UserFact(customer: customer, user: other, displayName: "Other")),
            .user(UserFact(customer: customer, user: user, displayName: name)),
            .assignment(
                AssignmentFact(customer: customer, user: user, sku: sku, days: DayInterval(start: day, end: nil))),
            .assignmentSnapshot(
                AssignmentSnapshotFact(customer: customer, sku: sku, day: day, users: [other, user, other, user])),
            .activity(
                ActivityFact(customer: customer, user: user, workload: .teams, days: [day, day.advanced(by: 1)])),
            .activity(ActivityFact(customer: customer, user: other, workload: .teams, days: [day])),
        ]
    }

    public var before: [Fact] { get throws { try facts(user: user, name: "Jan de Vries", of: customer) } }

    public func entry(_ number: Int64, facts: [Fact]) throws -> LogEntry {
        .batch(
            try BatchID("batch-\(number)"), revision: Revision(number: number), accepted: facts.count,
            digest: try SampleBatches.digest(number), body: FactBatchCodec.encode(facts))
    }

    public func erasure(revision: Int64, states: [StateRow] = []) -> Erasure {
        Erasure(of: [user], entry: .erasure(revision: Revision(number: revision)), states: states)
    }
}

extension ConformanceCheck {
    /// The rows given replace those of the person, and no body that may name it is left in the log. Of engines that
    /// have everything in one bucket; what others must do is in `SharedConformanceCheck`.
    func erasureFolds(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        guard store.buckets == 1 else { return }
        let person = try PersonSample()
        let before = Array(person.user.text.utf8)
        try store.commit([try SampleBatches.entry(1), try person.entry(2, facts: person.before)])
        try store.fold(
            through: Revision(number: 1),
            states: [StateRow(key: "a", body: before), StateRow(key: "b", body: before), StateRow(key: "c", body: [1])])
        try store.commit([try person.entry(3, facts: []), try person.entry(4, facts: person.before)])
        try store.erase(
            person.erasure(revision: 5, states: [StateRow(key: "a", body: [2]), StateRow(key: "b", body: nil)]))
        let rows = [StateRow(key: "a", body: [2]), StateRow(key: "c", body: [1])]
        for _ in 0..<2 {
            let recovered = try Recovered(store)
            try require(recovered.log.isEmpty, "the erasure left something in the log")
            try require(recovered.states == rows, "the rows differ")
            try require(recovered.revision == Revision(number: 5), "the erasure made no revision")
            try require(try store.statistics().foldedThrough == Revision(number: 5), "the log was not folded")
            store = try harness.reopen(store)
        }
        // Somebody new may have the old id.
        let later = try person.entry(6, facts: person.before)
        try store.commit([later])
        for _ in 0..<2 {
            try require(try Recovered(store).log == [later], "the log after the erasure differs")
            try require(try Recovered(store).states == rows, "the rows after the erasure differ")
            store = try harness.reopen(store)
        }
        try store.close()
    }

    /// Receipts, which name nobody, and rows that are not the person's.
    func erasureTouchesNobodyElse(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let person = try PersonSample()
        // The same id at another customer is another person.
        let namesake = try person.facts(user: person.user, name: "Jan de Vries", of: try CustomerID("customer-2"))
        let entries = [
            try person.entry(1, facts: namesake), try person.entry(2, facts: person.before), try SampleBatches.entry(3),
        ]
        try store.commit(entries)
        let other = StateRow(key: "customer-2", body: Array(person.user.text.utf8))
        try store.fold(through: Revision(number: 3), states: [other, StateRow(key: "customer-1", body: [1])])
        try store.erase(
            person.erasure(revision: 4, states: [StateRow(key: "customer-1", body: [2])]))
        let rows = [StateRow(key: "customer-1", body: [2]), other]
        try require(try Recovered(store).states == rows, "the erasure changed others")
        for entry in entries {
            guard let receipt = entry.receipt else { continue }
            let kept = try store.receipt(of: receipt.batch, for: try Grants.operator())
            try require(kept == receipt, "the erasure changed a receipt")
        }
        try store.close()
    }

    func erasureOutOfOrderIsRefused(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let person = try PersonSample()
        try store.commit([try person.entry(1, facts: person.before)])
        let before = try Recovered(store)
        for wrong in [1, 3, 0] as [Int64] {
            try requireRefusal(.outOfOrder(expected: Revision(number: 2), found: Revision(number: wrong))) {
                try store.erase(person.erasure(revision: wrong))
            }
        }
        try require(try Recovered(store) == before, "a refused erasure left something")
        try store.close()
    }
}
