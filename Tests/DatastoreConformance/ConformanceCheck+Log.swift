import Datastore
import LicenseModel
import Tenancy

extension ConformanceCheck {
    func emptyStore(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        try require(store.revision == .none, "an empty store has revision \(store.revision)")
        let recovered = try Recovered(store)
        try require(recovered.states.isEmpty && recovered.log.isEmpty, "an empty store gives something back")
        try require(recovered.revision == .none, "an empty store recovers to \(recovered.revision)")
        let access = try store.loadAccess(for: try Grants.operator())
        try require(access == AccessRegistry(partners: [], principals: []), "an empty store knows somebody")
        try store.commit([])
        try store.health()
        try require(try store.statistics().entriesToReplay == 0, "an empty store has entries to replay")
        try store.close()
    }

    func committedBatchesComeBackInOrder(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let all = try SampleBatches.entries(1...40)
        try store.commit(Array(all[0..<1]))
        try store.commit(Array(all[1..<30]))
        try store.commit(Array(all[30..<40]))
        try require(store.revision == Revision(number: 40), "revision \(store.revision), not 40")
        try require(try Recovered(store).log == all, "the log differs from what was committed")
        store = try harness.reopen(store)
        let recovered = try Recovered(store)
        try require(recovered.log == all, "the log differs after opening again")
        try require(recovered.revision == store.revision, "the recovered revision differs")
        try store.commit([try SampleBatches.entry(41)])
        try require(try Recovered(store).log.count == 41, "a batch after opening again is missing")
        try store.close()
    }

    func gapsAreRefused(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let first = Revision(number: 1)
        for wrong in [0, 2, -1, Int64.max, Int64.min] {
            try requireRefusal(.outOfOrder(expected: first, found: Revision(number: wrong))) {
                try store.commit([try SampleBatches.entry(wrong)])
            }
        }
        try requireRefusal(.outOfOrder(expected: Revision(number: 2), found: Revision(number: 3))) {
            try store.commit([try SampleBatches.entry(1), try SampleBatches.entry(3)])
        }
        try require(try Recovered(store).log.isEmpty, "a refused group left something")
        try require(store.revision == .none, "a refused group moved the revision")
        try store.commit(try SampleBatches.entries(1...2))
        try store.close()
    }

    func onlyBatchesAreCommitted(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        for entry in [LogEntry.erasure(revision: Revision(number: 1)), .partnerCreated(revision: Revision(number: 1))] {
            try requireRefusal(.invalid("only batches are committed by themselves")) { try store.commit([entry]) }
        }
        try require(try Recovered(store).log.isEmpty, "a refused entry was written")
        try store.close()
    }

    func duplicatesAreRefusedWhole(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try store.commit(try SampleBatches.entries(1...3))
        let before = try Recovered(store)
        let id = try BatchID("batch-2")
        func again(_ number: Int64) throws -> LogEntry {
            .batch(
                id, revision: Revision(number: number), accepted: 1, digest: try SampleBatches.digest(99),
                body: FactBatchCodec.encode([]))
        }
        try requireRefusal(.duplicateBatch(id)) { try store.commit([try SampleBatches.entry(4), try again(5)]) }
        try require(try Recovered(store) == before, "a refused duplicate left something")
        store = try harness.reopen(store)
        try requireRefusal(.duplicateBatch(id)) { try store.commit([try again(4)]) }
        try requireRefusal(.duplicateBatch(try BatchID("batch-4"))) {
            let entry = try SampleBatches.entry(4)
            let twin = LogEntry.batch(
                try BatchID("batch-4"), revision: Revision(number: 5), accepted: 0,
                digest: try SampleBatches.digest(1), body: FactBatchCodec.encode([]))
            try store.commit([entry, twin])
        }
        try require(try Recovered(store) == before, "a refused duplicate left something")
        try store.commit([try SampleBatches.entry(4)])
        try store.close()
    }

    func receiptsStay(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let grant = try Grants.operator()
        let entries = try SampleBatches.entries(1...20)
        try store.commit(entries)
        func check() throws {
            for entry in entries {
                guard let receipt = entry.receipt else { throw ConformanceFailure("a batch without receipt") }
                try require(try store.receipt(of: receipt.batch, for: grant) == receipt, "receipt differs")
            }
            let unknown = try store.receipt(of: try BatchID("Batch-1"), for: grant)
            try require(unknown == nil, "a receipt for a batch that never was")
        }
        try check()
        try store.fold(through: Revision(number: 20), states: [StateRow(key: "all", body: [1])])
        try check()
        store = try harness.reopen(store)
        try check()
        try requireRefusal(.duplicateBatch(try BatchID("batch-7"))) {
            try store.commit([
                .batch(
                    try BatchID("batch-7"), revision: Revision(number: 21), accepted: 0,
                    digest: try SampleBatches.digest(7), body: FactBatchCodec.encode([]))
            ])
        }
        try store.close()
    }

    func errorsOfTheReaderComeThrough(_ harness: DatastoreHarness) throws {
        struct Enough: Error {}
        let store = try harness.make()
        try store.commit(try SampleBatches.entries(1...3))
        try store.fold(through: Revision(number: 1), states: [StateRow(key: "a", body: [])])
        for stopsAtState in [true, false] {
            do {
                _ = try store.recover(
                    for: try Grants.operator(), bucket: { _, _ in },
                    state: { _ in if stopsAtState { throw Enough() } },
                    entry: { _ in if !stopsAtState { throw Enough() } })
            } catch is Enough {
                continue
            }
            throw ConformanceFailure("the reader's error was lost")
        }
        try require(try Recovered(store).log.count == 2, "a reader that stopped left the store unreadable")
        try store.close()
    }

    func largeBodies(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        var random = SeededGenerator(seed: 4)
        let body = (0..<6_000_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let entry = LogEntry.batch(
            try BatchID("large"), revision: Revision(number: 1), accepted: Int(Int32.max),
            digest: try SampleBatches.digest(1), body: body)
        try store.commit([entry])
        // A piece of a fold, where there are such; the other buckets need the body still.
        let through = store.buckets == 1 ? Revision.none : store.revision
        try require(
            try store.foldBucket(
                0, through: LogPosition(revision: through),
                states: [StateRow(key: "large", body: body), StateRow(key: "none", body: [])]),
            "a fold was left to others")
        store = try harness.reopen(store)
        let recovered = try Recovered(store)
        try require(recovered.log == [entry], "a large batch differs")
        let states = [StateRow(key: "large", body: body), StateRow(key: "none", body: [])]
        try require(recovered.states == states, "a large row differs")
        try store.close()
    }

    func closedStoresRefuse(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let grant = try Grants.operator()
        try store.commit([try SampleBatches.entry(1)])
        try store.close()
        try store.close()
        try requireRefusal(.closed) { try store.commit([try SampleBatches.entry(2)]) }
        try requireRefusal(.closed) { _ = try store.receipt(of: try BatchID("batch-1"), for: grant) }
        try requireRefusal(.closed) { _ = try store.loadAccess(for: grant) }
        try requireRefusal(.closed) { try store.fold(through: Revision(number: 1), states: []) }
        try requireRefusal(.closed) {
            _ = try store.recover(for: grant, bucket: { _, _ in }, state: { _ in }, entry: { _ in })
        }
        try requireRefusal(.closed) { try store.health() }
        try requireRefusal(.closed) { _ = try store.statistics() }
    }
}
