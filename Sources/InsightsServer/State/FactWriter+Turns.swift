import Authentication
import Datastore
import Dispatch
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// Turns of the store, and what others wrote between them. On the writer's queue.
extension FactWriter {
    /// How often a turn is taken at most when others are ahead, or its outcome is in doubt.
    private static let turnTries = 4
    /// Entries that are applied together.
    private static let newsLimit = 512

    /// Has `body` decide what a turn of the store writes, on a core that has everything before it. Once that is durable
    /// `whenDurable` applies it, and it is published together with what others wrote before. After an error nothing of
    /// the turn is in the core, and what others wrote may be. `body` is asked again where a turn has to be taken again:
    /// of batches also after one that is in doubt, which is then among the news, with its receipts.
    func takeTurn<Value>(
        batches: [BatchID] = [], for grant: OperatorGrant = RecoveredState.grant,
        _ body: (InsightsCore, TurnNews) throws(DatastoreError) -> Turn<Value>,
        whenDurable: (inout InsightsCore, Value) -> Void
    ) throws(DatastoreError) -> Value {
        var tries = 1
        while true {
            do throws(DatastoreError) {
                return try takeTurnOnce(batches, for: grant, body, whenDurable)
            } catch {
                guard store.isShared, tries < Self.turnTries else { throw error }
                tries += 1
                switch error {
                case .behind: try followNews()
                case .diverged: try readAnew(after: error)
                case .inDoubt where !batches.isEmpty: onFailure(error)
                default: throw error
                }
            }
        }
    }

    private func takeTurnOnce<Value>(
        _ batches: [BatchID], for grant: OperatorGrant,
        _ body: (InsightsCore, TurnNews) throws(DatastoreError) -> Turn<Value>,
        _ whenDurable: (inout InsightsCore, Value) -> Void
    ) throws(DatastoreError) -> Value {
        var core = published.load().core
        var news = LogNews(at: position.withLock { $0 })
        var written: [LogEntry] = []
        let asked = freshness?.now
        do throws(DatastoreError) {
            let outcome = try store.turn(after: news.position, batches: batches, for: grant) {
                told throws(DatastoreError) in
                if !told.log.isEmpty { try follow(told.log, into: &core) }
                news = told.log
                let turn = try body(core, told)
                written = turn.entries
                return turn
            }
            whenDurable(&core, outcome.value)
            advance(
                to: outcome.position, core, with: news.isEmpty ? written : news.entries + written,
                isUrgent: !news.partners.isEmpty)
            follows(asOf: asked)
            return outcome.value
        } catch {
            // Durable, whatever became of the turn.
            if !news.isEmpty {
                advance(to: news.position, core, with: news.entries, isUrgent: !news.partners.isEmpty)
            }
            throw error
        }
    }

    /// Applies what others wrote, also when nobody here writes.
    func followNews() throws(DatastoreError) {
        while true {
            do throws(DatastoreError) {
                let asked = freshness?.now
                let news = try store.news(
                    after: position.withLock { $0 }, limit: Self.newsLimit, for: RecoveredState.grant)
                try apply(news)
                if news.isComplete { return follows(asOf: asked) }
            } catch {
                guard case .diverged = error else { throw error }
                return try readAnew(after: error)
            }
        }
    }

    private func apply(_ news: LogNews) throws(DatastoreError) {
        if news.isEmpty { return }
        var core = published.load().core
        try follow(news, into: &core)
        advance(to: news.position, core, with: news.entries, isUrgent: !news.partners.isEmpty)
    }

    private func follows(asOf asked: UInt64?) {
        if let asked { freshness?.follows(asOf: asked) }
    }

    /// The same from another thread: everything is applied that was written before. Waits until it is done.
    func follow() throws(WriteFailure) {
        do throws(WriteFailure) {
            while try !followOnce() {}
        } catch {
            if case .datastore(let failure) = error { onFailure(failure) }
            throw error
        }
    }

    /// Reads what others wrote, on the caller's thread, and has it applied on the writer's; waits until it is done.
    /// False when there is more to read.
    func followOnce() throws(WriteFailure) -> Bool {
        let after = position.withLock { $0 }
        let asked = freshness?.now
        let read = Result { () throws(DatastoreError) in
            try store.news(after: after, limit: Self.newsLimit, for: RecoveredState.grant)
        }
        if case .success(let news) = read, news.isEmpty, news.isComplete, news.position == after {
            // Everything before the question is visible already: the writer, who may be busy, has nothing to do.
            follows(asOf: asked)
            return true
        }
        let outcome = Mutex<Result<Bool, WriteFailure>>(.failure(.stopped))
        let done = DispatchSemaphore(value: 0)
        performChange {
            let applied = Result { () throws(WriteFailure) in try self.take(read, after: after, asked: asked) }
            outcome.withLock { $0 = applied }
            done.signal()
        } stopped: {
            done.signal()
        }
        done.wait()
        return try outcome.withLock { $0 }.get()
    }

    private func take(
        _ read: Result<LogNews, DatastoreError>, after: LogPosition, asked: UInt64?
    ) throws(WriteFailure) -> Bool {
        // A turn came between: it had all of these news, and who may call may have changed since.
        guard position.withLock({ $0 }) == after else { return false }
        do throws(DatastoreError) {
            do throws(DatastoreError) {
                let news = try read.get()
                try apply(news)
                if news.isComplete { follows(asOf: asked) }
                folding.beginIfDue()
                return news.isComplete
            } catch {
                guard case .diverged = error else { throw error }
                try readAnew(after: error)
                return true
            }
        } catch {
            throw .datastore(error)
        }
    }

    private func follow(_ news: LogNews, into core: inout InsightsCore) throws(DatastoreError) {
        do throws(RecoveryError) {
            for entry in news.entries { try core.follow(entry) }
        } catch {
            logUnreadable(error)
            throw .diverged(at: core.revision.next)
        }
        directory.replace(news.partners)
    }

    /// An entry that lacks what was withdrawn is nothing unusual; one that cannot be read is.
    private func logUnreadable(_ error: RecoveryError) {
        if case .withdrawn = error { return }
        onFailure(.corrupt(error.description))
    }

    /// Publishes a core that has the entries, which end at the position.
    private func advance(
        to position: LogPosition, _ core: InsightsCore, with entries: [LogEntry], isUrgent: Bool
    ) {
        var isUrgent = isUrgent
        if !entries.isEmpty {
            published.publish(core)
            if let erasure = entries.last(where: { $0.kind == .erasure }) {
                published.shelf.forget(before: erasure.revision)
                isUrgent = true
            }
            folding.note(entries)
        }
        // At last: whoever reads it may tell others that nothing older is answered here any more.
        self.position.withLock { $0 = position }
        if isUrgent { onUrgent.withLock { $0 }() }
    }

    /// Gives up what the core has, which is of another history or too old to be followed on, and reads the store back.
    private func readAnew(after failure: DatastoreError) throws(DatastoreError) {
        onFailure(failure)
        divergences.add(1, ordering: .relaxed)
        let asked = freshness?.now
        let read: RecoveredState
        do {
            read = try RecoveredState(from: store)
        } catch let error as DatastoreError {
            throw error
        } catch {
            throw .corrupt("\(error)")
        }
        var core = read.core
        core.history = published.load().core.history + 1
        directory.replace(all: read.directory)
        published.publish(core)
        published.shelf.forget(before: core.history)
        folding.restart(after: read.folds, replayed: read.replayed)
        position.withLock { $0 = read.position }
        follows(asOf: asked)
        onUrgent.withLock { $0 }()
    }
}
