import Datastore
import DatastoreConformance
import Foundation
import LicenseModel
import Synchronization
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    /// A connection that is lost at every place of a turn, and commits of which nobody knows how they ended.
    @Suite struct TurnFaultTests {
        private func write(
            _ name: String, to store: PostgresDatastore, during body: () throws -> Void = {}
        ) throws -> [BatchID: BatchReceipt] {
            let id = try BatchID(name)
            return try store.turn(after: store.position, batches: [id], for: try Grants.operator()) {
                news throws(DatastoreError) in
                do {
                    try body()
                } catch {
                    Issue.record("\(error)")
                }
                guard news.receipts[id] == nil else { return Turn(news.receipts) }
                guard let entry = try? SampleBatches.entry(named: name, at: news.nextRevision) else {
                    throw .invalid("the sample is none")
                }
                return Turn(news.receipts, batches: [entry])
            }.value
        }

        /// Ends the connections of a database that are in the state, once there is one; without a function only waits
        /// until there is.
        private func terminate(
            _ database: String, _ condition: String, by function: String = "pg_terminate_backend"
        ) throws {
            for _ in 0..<500 {
                let rows = try PostgresTests.cluster.run(
                    """
                    SELECT count(\(function)(pid)) FROM pg_stat_activity
                    WHERE datname = '\(database)' AND usename = 'one_server' AND \(condition)
                    """)
                if rows.firstNumber ?? 0 > 0 { return }
                Thread.sleep(forTimeInterval: 0.01)
            }
            Issue.record("no connection is in the state: \(condition)")
        }

        private func refusal(_ body: () throws -> Void) -> DatastoreError? {
            do {
                try body()
                return nil
            } catch {
                return error as? DatastoreError
            }
        }

        private func isInDoubt(_ error: DatastoreError?) -> Bool {
            if case .inDoubt = error { true } else { false }
        }

        /// Runs `body` on another thread and returns how it ended.
        private func apart(_ body: @escaping @Sendable () throws -> Void, meanwhile: () throws -> Void) throws
            -> DatastoreError?
        {
            let outcome = Mutex<DatastoreError?>(nil)
            let done = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                do {
                    try body()
                } catch {
                    outcome.withLock { $0 = error as? DatastoreError ?? .unavailable("\(error)") }
                }
                done.signal()
            }
            try meanwhile()
            done.wait()
            return outcome.withLock { $0 }
        }

        @Test func lostBeforeATurn() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            _ = try write("a", to: store)
            try terminate(database, "state = 'idle'")
            _ = try write("b", to: store)
            #expect(store.position.revision.number == 2)
            try store.close()
        }

        @Test func lostWhileItWaitsForItsTurn() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            let holder = try Connection.open(try PostgresTests.cluster.conninfo(database), for: .migrating)
            let lock = Statement(to: "run a test", "SELECT FROM insights.store FOR UPDATE")
            _ = try holder.exchange([Command(.begin), Command(lock)])
            let error = try apart {
                _ = try self.write("a", to: store)
            } meanwhile: {
                try terminate(database, "wait_event_type = 'Lock'")
                Thread.sleep(forTimeInterval: 0.1)
                _ = try holder.exchange([Command(.rollback)])
            }
            #expect(error == nil)
            #expect(store.position.revision.number == 1)
            try store.close()
        }

        /// The decision is asked once, so nothing is tried again; nothing is written either.
        @Test func lostWhileItDecides() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            let error = refusal {
                _ = try write("a", to: store) { try terminate(database, "state = 'idle in transaction'") }
            }
            #expect(isInDoubt(error), "\(String(describing: error))")
            #expect(store.position.revision == .none)
            #expect(try write("a", to: store).isEmpty, "it was written after all")
            #expect(store.position.revision.number == 1)
            try store.close()
        }

        @Test func lostWhileItWrites() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            let holder = try Connection.open(try PostgresTests.cluster.conninfo(database), for: .migrating)
            let lock = Statement(to: "run a test", "LOCK TABLE insights.entry IN EXCLUSIVE MODE")
            _ = try holder.exchange([Command(.begin), Command(lock)])
            let error = try apart {
                _ = try self.write("a", to: store)
            } meanwhile: {
                try terminate(database, "wait_event_type = 'Lock'")
            }
            #expect(isInDoubt(error), "\(String(describing: error))")
            _ = try holder.exchange([Command(.rollback)])
            #expect(try write("a", to: store).isEmpty)
            #expect(try write("a", to: store).count == 1)
            try store.close()
        }

        /// COMMIT came back, with a warning: the primary has it, the standby may not. It is acknowledged only once a
        /// later commit was confirmed.
        @Test(arguments: ["pg_cancel_backend", "pg_terminate_backend"])
        func notConfirmedByAStandby(_ function: String) throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            try cluster.with(["synchronous_standby_names": "nobody"]) {
                for attempt in 0..<2 {
                    let error = try apart {
                        _ = try self.write("a", to: store)
                    } meanwhile: {
                        try terminate(database, "wait_event = 'SyncRep'", by: function)
                    }
                    #expect(isInDoubt(error), "\(attempt): \(String(describing: error))")
                    #expect(store.position.revision == .none)
                }
            }
            let receipts = try write("a", to: store)
            #expect(receipts.count == 1 && receipts.values.first?.revision.number == 1)
            #expect(store.position.revision.number == 1)
            #expect(try Recovered(store).log.count == 1)
            try store.close()
        }

        /// Nobody ends the wait for the standby but this side's clock; meanwhile others are refused, and read.
        @Test func aStandbyThatIsAway() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            try other.beat(applied: other.position)
            try cluster.with(["synchronous_standby_names": "nobody"]) {
                let start = ContinuousClock.now
                let error = try apart {
                    _ = try self.write("a", to: store)
                } meanwhile: {
                    // Once the first one has its turn, which then waits.
                    try terminate(database, "wait_event = 'SyncRep'", by: "")
                    let refused = refusal { _ = try write("b", to: other) }
                    #expect(refused == .unavailable("the right to write was held for too long"))
                    #expect(try other.news(after: .none, limit: 10, for: try Grants.operator()).entries.isEmpty)
                    try other.health()
                    try other.beat(applied: other.position)
                }
                #expect(isInDoubt(error))
                #expect((.seconds(14)...(.seconds(20))).contains(ContinuousClock.now - start))
                try terminate(database, "wait_event = 'SyncRep'")
            }
            #expect(try write("a", to: store).count == 1)
            _ = try write("b", to: other)
            #expect(other.position.revision.number == 2)
            for each in [store, other] { try each.close() }
        }

        /// As a server that is stopped while it has the lock, and goes on later.
        @Test func aHolderThatStandsStill() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            let holds = DispatchSemaphore(value: 0)
            let error = try apart {
                _ = try self.write("a", to: store) {
                    holds.signal()
                    Thread.sleep(forTimeInterval: 7)
                }
            } meanwhile: {
                holds.wait()
                let start = ContinuousClock.now
                while refusal({ _ = try write("b", to: other) }) != nil, ContinuousClock.now - start < .seconds(20) {}
                #expect(ContinuousClock.now - start < .seconds(7))
            }
            #expect(isInDoubt(error), "\(String(describing: error))")
            // It hears of what the other wrote, and goes on behind it.
            #expect(try write("a", to: store).isEmpty)
            let log = try Recovered(other).log
            #expect(log.map { $0.receipt?.batch.text } == ["b", "a"])
            for each in [store, other] { try each.close() }
        }

        /// A failover that lost the last entry, after which another came to be of its revision.
        @Test func historiesThatDiverged() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            for name in ["a", "b", "c"] { _ = try write(name, to: store) }
            let known = store.position
            let last = Revision(number: 3)
            try cluster.run(
                "DELETE FROM insights.entry WHERE revision > 2", "DELETE FROM insights.body WHERE revision > 2",
                in: database)
            try requireRefusal(.diverged(at: last)) { _ = try write("d", to: store) }
            try requireRefusal(.diverged(at: last)) {
                _ = try store.news(after: known, limit: 10, for: try Grants.operator())
            }
            // The very same batch again is another entry.
            _ = try write("c", to: other)
            try requireRefusal(.diverged(at: last)) { _ = try write("d", to: store) }
            try requireRefusal(.diverged(at: last)) {
                _ = try store.news(after: known, limit: 10, for: try Grants.operator())
            }
            let read = try Recovered(store)
            #expect(read.revision == last)
            _ = try write("d", to: store)
            // So is another change of access that is the same.
            let change = "INSERT INTO insights.access_change VALUES (1, 'alpha', 1)"
            try cluster.run(change, in: database)
            _ = try write("d2", to: store)
            try cluster.run("DELETE FROM insights.access_change", change.replacing("1)", with: "2)"), in: database)
            try requireRefusal(.diverged(at: Revision(number: 5))) { _ = try write("e", to: store) }
            _ = try Recovered(store)
            // And another history altogether.
            try other.beginHistory()
            try requireRefusal(.diverged(at: Revision(number: 5))) { _ = try write("e", to: store) }
            for each in [store, other] { try each.close() }
        }

        /// The power of the database goes while two servers write: what was acknowledged is there once.
        @Test func theDatabaseGoesAndComes() throws {
            let cluster = try #require(PostgresCluster())
            let database = try cluster.makeDatabase()
            let stores = [try cluster.open(database), try cluster.open(database)]
            let acknowledged = Mutex<[String]>([])
            let isOver = Atomic<Bool>(false)
            let group = DispatchGroup()
            for (number, store) in stores.enumerated() {
                DispatchQueue.global().async(group: group) {
                    var count = 0
                    while !isOver.load(ordering: .relaxed) {
                        let name = "\(number)-\(count)"
                        // Again until it is answered, as a client does.
                        guard (try? self.write(name, to: store)) != nil else { continue }
                        acknowledged.withLock { $0.append(name) }
                        count += 1
                    }
                }
            }
            for _ in 0..<4 {
                Thread.sleep(forTimeInterval: 0.5)
                try cluster.order("stop")
                try cluster.order("start")
            }
            Thread.sleep(forTimeInterval: 0.5)
            isOver.store(true, ordering: .relaxed)
            group.wait()
            let names = acknowledged.withLock { $0 }
            #expect(names.count > 20)
            let log = try Recovered(stores[0]).log.compactMap { $0.receipt?.batch.text }
            #expect(Set(log).count == log.count, "a batch is there twice")
            #expect(Set(names).subtracting(log).isEmpty, "an acknowledged batch is missing")
            #expect(log.count <= names.count + 2)
            for store in stores { try store.close() }
        }
    }
}
