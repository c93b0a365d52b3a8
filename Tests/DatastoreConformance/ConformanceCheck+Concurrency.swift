import Datastore
import Foundation
import LicenseModel
import Synchronization
import Tenancy

extension ConformanceCheck {
    /// Readers on other threads see a prefix of the log that has at least what was acknowledged before they began.
    func readsBesideWrites(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let last: Int64 = 150
        let acknowledged = Atomic<Int64>(0)
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        for reader in 0..<3 {
            DispatchQueue.global().async(group: group) {
                do {
                    while acknowledged.load(ordering: .acquiring) < last, failures.withLock({ $0.isEmpty }) {
                        try Self.checkPrefix(of: store, reader: reader, acknowledged: acknowledged)
                    }
                } catch {
                    failures.withLock { $0.append("reader \(reader): \(error)") }
                }
            }
        }
        do {
            for number in 1...last {
                try store.commit([try SampleBatches.entry(number, facts: 3)])
                acknowledged.store(number, ordering: .releasing)
                if number % 40 == 0 {
                    let states = [StateRow(key: "folded", body: Array(String(number).utf8))]
                    try store.fold(through: Revision(number: number), states: states)
                }
            }
        } catch {
            acknowledged.store(last, ordering: .releasing)
            group.wait()
            throw error
        }
        group.wait()
        let found = failures.withLock { $0 }
        try require(found.isEmpty, found.joined(separator: "; "))
        try store.close()
    }

    private static func checkPrefix(
        of store: any LicenseDatastore, reader: Int, acknowledged: borrowing Atomic<Int64>
    ) throws {
        let floor = acknowledged.load(ordering: .acquiring)
        if floor > 0 {
            let receipt = try store.receipt(of: try BatchID("batch-\(floor)"), for: try Grants.operator())
            try require(receipt?.revision.number == floor, "an acknowledged batch has no receipt")
        }
        let recovered = try Recovered(store)
        try require(recovered.revision.number >= floor, "an acknowledged batch is not visible")
        let folded = recovered.states.first?.body.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
        try require(
            recovered.folds[0].number == folded, "a row is not of the revision that its bucket is folded through")
        let expected = Array((recovered.folds.least.number + 1)..<(recovered.revision.number + 1))
        try require(recovered.log.map(\.revision.number) == expected, "the log is no whole prefix")
    }
}
