import Datastore
import LicenseModel
import Tenancy

/// A person in every kind of fact that names one, beside others that must stay.
public struct PersonSample {
    public let customer: CustomerID
    public let user: UserID
    public let replacement: UserID

    public init(number: Int = 1) throws {
        customer = try CustomerID("customer-\(number)")
        user = try UserID("jan.de.vries-\(number)@contoso.example")
        replacement = try UserID("erased-\(number)")
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
    public var after: [Fact] { get throws { try facts(user: replacement, name: "", of: customer) } }

    public func entry(_ number: Int64, facts: [Fact]) throws -> LogEntry {
        .batch(
            try BatchID("batch-\(number)"), revision: Revision(number: number), accepted: facts.count,
            digest: try SampleBatches.digest(number), body: FactBatchCodec.encode(facts))
    }

    public func erasure(revision: Int64, states: [StateRow] = [], folds: Bool = false) -> Erasure {
        Erasure(
            user: user, of: customer, replacement: replacement, revision: Revision(number: revision), states: states,
            folds: folds)
    }
}

extension ConformanceCheck {
    func erasureRewritesTheLog(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let person = try PersonSample()
        let grant = try Grants.operator()
        let before = Array(person.user.text.utf8)
        try store.commit([try SampleBatches.entry(1), try person.entry(2, facts: person.before)])
        try store.fold(
            through: Revision(number: 1),
            states: [StateRow(key: "a", body: before), StateRow(key: "b", body: before), StateRow(key: "c", body: [1])])
        try store.commit([try person.entry(3, facts: []), try person.entry(4, facts: person.before)])
        try store.erase(
            person.erasure(revision: 5, states: [StateRow(key: "a", body: [2]), StateRow(key: "b", body: nil)]),
            for: grant)
        try require(store.revision == Revision(number: 5), "the erasure made no revision")
        // Somebody new may have the old id.
        try store.commit([try person.entry(6, facts: person.before)])
        for _ in 0..<2 {
            let recovered = try Recovered(store)
            let rows = [StateRow(key: "a", body: [2]), StateRow(key: "c", body: [1])]
            try require(recovered.states == rows, "the rows differ")
            let expected = [
                try person.entry(2, facts: person.after), try person.entry(3, facts: []),
                try person.entry(4, facts: person.after), LogEntry.erasure(revision: Revision(number: 5)),
                try person.entry(6, facts: person.before),
            ]
            try require(recovered.log == expected, "the log differs after an erasure")
            let receipt = try store.receipt(of: try BatchID("batch-4"), for: grant)
            try require(receipt == expected[2].receipt, "the erasure changed a receipt")
            store = try harness.reopen(store)
        }
        try store.close()
    }

    func erasureFolds(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let person = try PersonSample()
        try store.commit([try SampleBatches.entry(1), try person.entry(2, facts: person.before)])
        try store.erase(
            person.erasure(revision: 3, states: [StateRow(key: "all", body: [3])], folds: true),
            for: try Grants.operator())
        for _ in 0..<2 {
            let recovered = try Recovered(store)
            try require(recovered.log.isEmpty, "the log was not folded")
            try require(recovered.states == [StateRow(key: "all", body: [3])], "the rows differ")
            try require(recovered.revision == Revision(number: 3), "the revision differs")
            store = try harness.reopen(store)
        }
        try store.commit([try person.entry(4, facts: person.before)])
        try require(try Recovered(store).log.count == 1, "the log after the erasure differs")
        try store.close()
    }

    func erasureTouchesNobodyElse(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let person = try PersonSample()
        let other = try CustomerID("customer-2")
        // The same id at another customer is another person, and an id that contains the id is another id.
        let namesake = try person.facts(user: person.user, name: "Jan de Vries", of: other)
        let longer = try person.facts(
            user: try UserID("x" + person.user.text), name: person.user.text, of: person.customer)
        try store.commit([
            try person.entry(1, facts: namesake), try person.entry(2, facts: longer),
            try person.entry(3, facts: try SampleBatches.facts(3)),
        ])
        let before = try Recovered(store)
        try store.erase(person.erasure(revision: 4), for: try Grants.operator())
        let after = try Recovered(store)
        try require(Array(after.log.dropLast()) == before.log, "the erasure changed others")
        try store.close()
    }

    func erasureOutOfOrderIsRefused(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let person = try PersonSample()
        try store.commit([try person.entry(1, facts: person.before)])
        let before = try Recovered(store)
        for wrong in [1, 3, 0] as [Int64] {
            try requireRefusal(.outOfOrder(expected: Revision(number: 2), found: Revision(number: wrong))) {
                try store.erase(person.erasure(revision: wrong, folds: true), for: try Grants.operator())
            }
        }
        try require(try Recovered(store) == before, "a refused erasure left something")
        try store.close()
    }
}
