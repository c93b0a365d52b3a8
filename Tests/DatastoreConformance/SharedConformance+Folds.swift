import Datastore
import Dispatch
import LicenseModel
import Synchronization
import Tenancy

/// Folded state as simple as can be: of each bucket the entries that say something about it.
private struct NaiveState: Equatable {
    private var told = Array(repeating: [Int64](), count: StateBuckets.count)

    mutating func apply(_ entry: LogEntry, skipping folds: BucketFolds) throws {
        guard entry.kind == .batch else { return }
        for fact in try LoggedFacts(entry.body).facts {
            let bucket = fact.customer.map { StateBuckets.bucket(of: $0) } ?? 0
            guard folds[bucket] < entry.revision, told[bucket].last != entry.revision.number else { continue }
            told[bucket].append(entry.revision.number)
        }
    }

    func row(of bucket: Int) -> StateRow {
        StateRow(key: Self.key(bucket), body: Array(told[bucket].map(String.init).joined(separator: ",").utf8))
    }

    mutating func restore(_ row: StateRow) throws {
        guard let bucket = Int(row.key.dropFirst(4)), told.indices.contains(bucket) else {
            throw ConformanceFailure("a row of key \(row.key)")
        }
        told[bucket] = String(decoding: row.body ?? [], as: UTF8.self).split(separator: ",").compactMap { Int64($0) }
    }

    private static func key(_ bucket: Int) -> String { "row/\(bucket)" }

    /// As a start does, by several readers at once.
    static func read(_ store: any LicenseDatastore) throws -> NaiveState { try readThrough(store).state }

    static func readThrough(_ store: any LicenseDatastore) throws -> (state: NaiveState, revision: Revision) {
        let read = Mutex((state: NaiveState(), folds: BucketFolds(count: StateBuckets.count), told: [Int]()))
        var whole: NaiveState?
        func finish() throws -> NaiveState {
            let told = read.withLock { $0.told }
            try require(told.first == 0 && told.sorted() == Array(0..<StateBuckets.count), "buckets are told otherwise")
            return read.withLock { $0.state }
        }
        let position = try store.recover(for: try Grants.operator(), readers: 3) { bucket in
            var rows: [StateRow] = []
            try bucket.forEachRow { rows.append($0) }
            try read.withLock { read in
                read.told.append(bucket.number)
                read.folds[bucket.number] = bucket.through
                for row in rows { try read.state.restore(row) }
            }
        } entry: { entry in
            var state = try whole ?? finish()
            try state.apply(entry, skipping: read.withLock { $0.folds })
            whole = state
        }
        return (try whole ?? finish(), position.revision)
    }
}

/// Reads a store back until it is told to end, and once more.
private final class Reading: Sendable {
    private struct State {
        var reads: [(state: NaiveState, revision: Revision)] = []
        var failure: (any Error)?
        var isOver = false
    }

    let store: any LicenseDatastore
    private let state = Mutex(State())

    init(_ store: any LicenseDatastore) {
        self.store = store
    }

    func run() {
        var isLast = false
        while !isLast {
            isLast = state.withLock { $0.isOver }
            do {
                let read = try NaiveState.readThrough(store)
                state.withLock { $0.reads.append(read) }
            } catch DatastoreError.diverged where !isLast {
                // What a bucket needs was dropped since that was read: to be begun anew.
                continue
            } catch {
                state.withLock { $0.failure = error }
                return
            }
        }
    }

    func end() { state.withLock { $0.isOver = true } }

    func result() throws -> [(state: NaiveState, revision: Revision)] {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.reads
        }
    }
}

extension SharedConformanceCheck {
    private static let noFolds = BucketFolds(count: StateBuckets.count)

    /// Buckets are folded by two servers in any order, with entries between: what a third one reads back at every step
    /// is what a replay of everything gives.
    func foldsBesideWritesReadBackWhole(_ harness: DatastoreHarness) throws {
        var random = SeededGenerator(seed: 21)
        let first = Handle(try harness.make())
        let handles = [first, try Handle(connectedTo: first, harness)]
        var everything = NaiveState()
        var seen = 0
        for step in 0..<60 {
            let handle = handles[random.int(0...1)]
            try handle.commit((0..<random.int(1...3)).map { "batch-\(step)-\($0)" })
            for entry in handle.log[seen...] { try everything.apply(entry, skipping: Self.noFolds) }
            seen = handle.log.count
            let folding = handles[random.int(0...1)]
            var known = NaiveState()
            for entry in folding.log { try known.apply(entry, skipping: Self.noFolds) }
            // The few buckets that the sample's customers are in, and some others.
            for _ in 0..<random.int(0...6) {
                let id: CustomerID = try RandomFacts.customer(random.int(0...12))
                let bucket = random.chance(80) ? StateBuckets.bucket(of: id) : random.int(0...(StateBuckets.count - 1))
                _ = try folding.store.foldBucket(
                    bucket, through: folding.position, states: [known.row(of: bucket)])
            }
            if random.chance(30) { try harness.dropLog(first.store) }
            try require(try NaiveState.read(first.store) == everything, "what is read back differs at step \(step)")
            for other in handles where random.chance(60) { try other.catchUp() }
        }
        for handle in handles { try handle.store.close() }
    }

    /// While a server writes, folds and has the log dropped, another one reads everything back again and again:
    /// whatever it gets is what a replay gives of everything up to there.
    func readsDuringFoldsAreWhole(_ harness: DatastoreHarness) throws {
        let writer = Handle(try harness.make())
        let reading = Reading(try Handle(connectedTo: writer, harness).store)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) { reading.run() }
        do {
            defer {
                reading.end()
                group.wait()
            }
            try writeAndFold(writer, harness)
        }
        let reads = try reading.result()
        for (state, revision) in reads {
            var expected = NaiveState()
            for entry in writer.log where entry.revision <= revision {
                try expected.apply(entry, skipping: Self.noFolds)
            }
            try require(state == expected, "what is read back through \(revision) differs")
        }
        try require(reads.last?.revision == writer.position.revision, "the last entries are not read back")
        for store in [writer.store, reading.store] { try store.close() }
    }

    private func writeAndFold(_ writer: Handle, _ harness: DatastoreHarness) throws {
        var random = SeededGenerator(seed: 22)
        var known = NaiveState()
        for step in 0..<40 {
            let seen = writer.log.count
            try writer.commit(["batch-\(step)"])
            for entry in writer.log[seen...] { try known.apply(entry, skipping: Self.noFolds) }
            for _ in 0..<random.int(1...4) {
                let bucket = StateBuckets.bucket(of: try RandomFacts.customer(random.int(0...12)))
                _ = try writer.store.foldBucket(bucket, through: writer.position, states: [known.row(of: bucket)])
            }
            guard step % 20 == 19 else { continue }
            for bucket in 0..<StateBuckets.count {
                _ = try writer.store.foldBucket(bucket, through: writer.position, states: [known.row(of: bucket)])
            }
            try harness.dropLog(writer.store)
        }
    }

    func aBucketIsFoldedOnce(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        try first.commit(["a", "b", "c"])
        func fold(_ handle: Handle, _ bucket: Int, _ through: Int64, _ byte: UInt8) throws -> Bool {
            try handle.store.foldBucket(
                bucket, through: LogPosition(revision: Revision(number: through)),
                states: [StateRow(key: "k\(bucket)", body: [byte])])
        }
        try require(try fold(first, 7, 2, 1), "nobody else folds the bucket")
        try require(!(try fold(second, 7, 2, 9)), "a bucket was folded twice")
        try require(!(try fold(second, 7, 1, 9)), "a bucket was folded back")
        try require(try fold(second, 8, 1, 2), "another bucket was not folded")
        try require(try fold(second, 7, 3, 3), "a bucket was not folded further")
        // By whoever has another log.
        let lost = LogPosition(revision: Revision(number: 3), generation: first.position.generation, digest: [1, 2, 3])
        try requireRefusal(.diverged(at: lost.revision)) {
            _ = try second.store.foldBucket(9, through: lost, states: [StateRow(key: "k9", body: [9])])
        }
        let folds = try first.store.folds()
        try require(folds[7].number == 3 && folds[8].number == 1 && folds[9] == .none, "the folds differ")
        try require(folds == (try Recovered(second.store).folds), "the folds read back differ")
        let rows = [StateRow(key: "k7", body: [3]), StateRow(key: "k8", body: [2])]
        try require(try Recovered(second.store).states == rows, "the rows differ")
        for handle in [first, second] { try handle.store.close() }
    }

    /// A server that did not beat, or was away too long, finds the log gone; whoever knows the end of it goes on.
    func droppedLogsAreTold(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        let third = try Handle(connectedTo: first, harness)
        for number in 0..<6 { try first.commit(["\(number)"]) }
        try second.catchUp()
        try first.store.fold(through: Revision(number: 6), states: [StateRow(key: "all", body: [6])])
        try harness.dropLog(first.store)
        try requireRefusal(.diverged(at: .none)) { try third.catchUp() }
        try requireRefusal(.diverged(at: .none)) { try third.turn { Turn($0.receipts) } }
        try first.commit(["6"])
        try second.catchUp()
        try require(second.log == first.log, "a server that knew the end of the log lost it")
        let read = try Recovered(third.store)
        try require(
            read.log.map(\.revision.number) == [7] && read.revision.number == 7, "the log after the fold differs")
        try require(read.states == [StateRow(key: "all", body: [6])], "the rows differ")
        for handle in [first, second, third] { try handle.store.close() }
    }

    /// An erasure folds the bucket of the person's customer through its revision and withdraws what bodies say about
    /// that customer; its entry stays for those that follow, and so does what bodies say about others.
    func erasuresAreFollowed(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        let (person, other) = (try PersonSample(), try PersonSample(number: 2))
        let namesake = try person.facts(user: person.user, name: "Jan de Vries", of: other.customer)
        let bodies = [try person.before, namesake, try person.before + other.before, try other.before]
        for facts in bodies {
            try first.turn { news throws(DatastoreError) in
                guard let entry = try? person.entry(news.nextRevision.number, facts: facts) else {
                    throw .invalid("the sample is none")
                }
                return Turn(news.receipts, batches: [entry])
            }
        }
        try second.catchUp()
        let bucket = StateBuckets.bucket(of: person.customer)
        let place = Array("not the name".utf8)
        let rows = [StateRow(key: "users/erased", body: [1])]
        let customer = person.customer
        let users = [person.user]
        try first.turn { news in
            Turn(
                news.receipts,
                erasure: Erasure(
                    of: users, entry: .erasure(revision: news.nextRevision, body: place), bucket: bucket, states: rows
                ) { body in try LoggedFacts(body).withdrawing(customer)?.bytes })
        }
        try second.catchUp()
        let last = try require(second.log.last, "there are no news")
        try require(last.kind == .erasure && last.body == place, "the entry of the erasure is not among the news")
        try require(last.revision.number == 5, "the erasure made revision \(last.revision)")
        let read = try Recovered(first.store)
        try require(read.folds[bucket] == last.revision && read.states == rows, "the bucket was not folded")
        try require(read.log.map(\.revision.number) == [1, 2, 3, 4, 5], "entries of other buckets are gone")
        for (number, facts) in bodies.enumerated() {
            let logged = try LoggedFacts(read.log[number].body)
            let gone = facts.contains { $0.customer == customer }
            try require(logged.withdrawn == (gone ? [bucket] : []), "withdrawn of body \(number): \(logged.withdrawn)")
            let left = logged.facts.filter { $0.customer != customer }
            try require(left == facts.filter { $0.customer != customer }, "facts of others in body \(number) differ")
            try require(read.log[number].receipt == first.log[number].receipt, "the erasure changed a receipt")
        }
        try require(try !contains(person.user, read.log[0]), "the log names the person")
        for handle in [first, second] { try handle.store.close() }
    }

    private func contains(_ user: UserID, _ entry: LogEntry) throws -> Bool {
        let needle = Array(user.text.utf8)
        return entry.body.indices.contains { entry.body[$0...].starts(with: needle) }
    }
}

private func require<Value>(_ value: Value?, _ message: String) throws -> Value {
    guard let value else { throw ConformanceFailure(message) }
    return value
}
