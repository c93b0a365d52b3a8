import Datastore
import LicenseModel
import Synchronization
import Tenancy

extension ConformanceCheck {
    func foldedStateComesBack(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try store.commit(try SampleBatches.entries(1...10))
        try store.fold(
            through: Revision(number: 4),
            states: [
                StateRow(key: "customer/b", body: [2, 2]), StateRow(key: "customer/a", body: [1]),
                StateRow(key: "customer/c", body: [3]),
            ])
        var recovered = try Recovered(store)
        try require(recovered.log == (try SampleBatches.entries(5...10)), "the log after a fold differs")
        try require(recovered.states.map(\.key) == ["customer/a", "customer/b", "customer/c"], "rows differ")
        try store.fold(
            through: Revision(number: 9),
            states: [
                StateRow(key: "customer/a", body: nil), StateRow(key: "customer/b", body: [9]),
                StateRow(key: "customer/none", body: nil),
            ])
        store = try harness.reopen(store)
        recovered = try Recovered(store)
        let rows = [StateRow(key: "customer/b", body: [9]), StateRow(key: "customer/c", body: [3])]
        try require(recovered.states == rows, "rows after the second fold differ")
        try require(recovered.log == (try SampleBatches.entries(10...10)), "the log after the second fold differs")
        try store.fold(through: Revision(number: 10), states: [])
        store = try harness.reopen(store)
        recovered = try Recovered(store)
        try require(recovered.log.isEmpty && recovered.revision == Revision(number: 10), "a full fold left entries")
        try require(store.revision == Revision(number: 10), "a full fold lost the revision")
        try require(try store.statistics().entriesToReplay == 0, "a full fold leaves entries to replay")
        try store.commit([try SampleBatches.entry(11)])
        try require(try Recovered(store).log == [try SampleBatches.entry(11)], "the log after a full fold differs")
        try store.close()
    }

    func foldsOutsideTheLogAreRefused(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        try store.commit(try SampleBatches.entries(1...5))
        try store.fold(through: Revision(number: 3), states: [StateRow(key: "a", body: [1])])
        let before = try Recovered(store)
        let row = [StateRow(key: "a", body: [7])]
        func at(_ number: Int64) -> LogPosition { LogPosition(revision: Revision(number: number)) }
        for wrong in [2, 6, -1, Int64.max] as [Int64] {
            if store.isShared, wrong <= 3 {
                let isFolded = try store.foldBucket(0, through: at(wrong), states: row)
                try require(!isFolded, "a bucket was folded back")
            } else {
                try requireRefusal(.invalid("a fold through revision \(wrong) is outside 3…5")) {
                    _ = try store.foldBucket(0, through: at(wrong), states: row)
                }
            }
        }
        for wrong in [-1, store.buckets] {
            try requireRefusal(.invalid("there is no bucket \(wrong)")) {
                _ = try store.foldBucket(wrong, through: at(4), states: row)
            }
        }
        try require(try Recovered(store) == before, "a refused fold left something")
        try store.close()
    }

    /// Runs the same operations on the engine and on the store in memory, opening again now and then.
    func randomOperationsMatchTheReference(_ harness: DatastoreHarness) throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var store = try harness.make()
            let reference = harness.makeReference()
            let grant = try Grants.operator()
            for step in 0..<60 {
                let next = reference.revision.next
                switch random.int(0...9) {
                case 0...4:
                    let group = try SampleBatches.entries(next.number...(next.number + Int64(random.int(0...3))))
                    for target in [store, reference] { try target.commit(group) }
                case 5...6:
                    let bucket = random.int(0...(store.buckets - 1)) % 3
                    let folded = try reference.folds()[bucket].number
                    let through = LogPosition(
                        revision: Revision(
                            number: Int64.random(in: folded...reference.revision.number, using: &random)))
                    let rows = (0..<random.int(0...5)).map { _ in Self.row(&random) }
                    let isFolded = try reference.foldBucket(bucket, through: through, states: rows)
                    try require(
                        try store.foldBucket(bucket, through: through, states: rows) == isFolded, "a fold differs")
                case 7:
                    let user = try UserID("u:\(random.int(2...12))/{}\"'")
                    let erasure = Erasure(of: [user], entry: .erasure(revision: next), states: [Self.row(&random)])
                    for target in [store, reference] { try target.erase(erasure) }
                case 8:
                    let partner = try PartnerID("partner-\(step)")
                    let change = AccessChange.createPartner(
                        PartnerRecord(id: partner, name: "P"), first: try Self.principal(partner.text, "admin"))
                    for target in [store, reference] {
                        try target.save(change, entry: .partnerCreated(revision: next), for: .operator(grant))
                    }
                default: store = try harness.reopen(store)
                }
                guard random.chance(20) else { continue }
                try require(try Recovered(store) == Recovered(reference), "differs at step \(step) of seed \(seed)")
            }
            store = try harness.reopen(store)
            try require(try Recovered(store) == Recovered(reference), "differs at the end of seed \(seed)")
            try require(
                try store.loadAccess(for: grant) == reference.loadAccess(for: grant), "access differs, seed \(seed)")
            try store.close()
        }
    }

    private static func row(_ random: inout SeededGenerator) -> StateRow {
        let body = (0..<random.int(0...3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return StateRow(key: "row-\(random.int(0...9))", body: random.chance(80) ? body : nil)
    }

    public static func principal(_ partner: String, _ id: String, disabled: Bool = false) throws -> PrincipalRecord {
        PrincipalRecord(
            partner: try PartnerID(partner), id: try PrincipalID(id), displayName: "Name of \(id)",
            roles: RoleSet([Role.userManagementAdmin, .salesAgent]), isDisabled: disabled)
    }
}
