import Datastore
import Dispatch
import Foundation
import RPCEngine
import Synchronization

/// The servers on a shared store. Tells the others twice a second what this one has applied, and tells whoever changed
/// something that has to be in force everywhere how many others do not have it yet.
final class Members: Sendable {
    private struct Wait {
        let id: UInt64
        let position: LogPosition
        let since: ContinuousClock.Instant
        let done: @Sendable (Int) -> Void
    }

    private struct State {
        var waits: [Wait] = []
        var lastID: UInt64 = 0
        /// As the store told last, and when.
        var known: [StoreMember] = []
        var knownAt = ContinuousClock.now
        var mustBeat = false
        var isStopped = false
    }

    private static let beatInterval = Duration.milliseconds(500)
    /// Between looks at how far the others are, while somebody waits for them.
    private static let pollInterval = Duration.milliseconds(20)
    /// What a change waits for the others.
    static let longestWait = Duration.seconds(2)
    /// A server that was not heard of for so much longer than its answers may be old answers nothing any more; what it
    /// told last may be older than what it asked last by as much.
    private static let margin = Duration.seconds(5)

    private let store: any LicenseDatastore
    /// Nothing older is answered here.
    private let applied: @Sendable () -> LogPosition
    private let deadAfter: Duration
    private let freshness: Freshness
    private let onFailure: @Sendable (DatastoreError?) -> Void
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ends = DispatchQueue(label: "members")

    /// - Parameters:
    ///   - staleReads: how old the answers of a server may be; the same on all of them.
    ///   - applied: nothing older is answered here.
    ///   - freshness: what is asked after a silence longer than its bound does not count until they are told again.
    ///   - onFailure: told of a failure unless the one before was the same; of nil when it is over.
    init(
        store: any LicenseDatastore, staleReads: Duration, freshness: Freshness,
        applied: @escaping @Sendable () -> LogPosition,
        onFailure: @escaping @Sendable (DatastoreError?) -> Void
    ) {
        self.store = store
        self.applied = applied
        self.freshness = freshness
        deadAfter = staleReads + Self.margin
        self.onFailure = onFailure
    }

    /// Makes this server one that the others wait for.
    func register() throws(DatastoreError) {
        try beat()
        try look()
    }

    private func beat() throws(DatastoreError) {
        let now = freshness.now
        try store.beat(applied: applied())
        freshness.isWaitedFor(asOf: now)
    }

    func start() {
        Thread.detachNewThread { [self] in run() }
    }

    /// Answers whoever waits, and does not wait itself: the thread ends after what it is at.
    func stop() {
        let (waits, state) = state.withLock { state in
            state.isStopped = true
            defer { state.waits = [] }
            return (state.waits, state)
        }
        wake.signal()
        for wait in waits { wait.done(pending(at: wait.position, state)) }
    }

    /// Tells the others at once: they may be waiting for it.
    func beatNow() {
        state.withLock { $0.mustBeat = true }
        wake.signal()
    }

    /// Calls `done` once, when every other server that lives has applied `position`, or after two seconds; with the
    /// number of those that have not. On any thread, and at once when the server stops.
    func whenApplied(_ position: LogPosition, _ done: @escaping @Sendable (Int) -> Void) {
        let since = ContinuousClock.now
        let id = state.withLock { state -> UInt64? in
            guard !state.isStopped else { return nil }
            state.lastID += 1
            state.waits.append(Wait(id: state.lastID, position: position, since: since, done: done))
            return state.lastID
        }
        guard let id else { return done(state.withLock { pending(at: position, $0) }) }
        wake.signal()
        // Not left to the thread, which may hang at the store.
        ends.asyncAfter(deadline: .now() + .nanoseconds(Int(Self.longestWait.nanoseconds))) { [weak self] in
            self?.answer { wait, _ in wait.id == id }
        }
    }

    /// Of the others, those that were heard of lately.
    var living: Int { state.withLock { others($0).count } }

    // MARK: The thread

    private func run() {
        var told: DatastoreError?
        var beaten = ContinuousClock.now
        while true {
            let (mustBeat, isStopped, hasWaits) = state.withLock { state in
                defer { state.mustBeat = false }
                return (state.mustBeat, state.isStopped, !state.waits.isEmpty)
            }
            if isStopped { return }
            do throws(DatastoreError) {
                let isDue = mustBeat || .now - beaten >= Self.beatInterval
                if isDue {
                    beaten = .now
                    try beat()
                }
                if isDue || hasWaits { try look() }
                if told != nil { onFailure(nil) }
                told = nil
            } catch {
                if state.withLock({ $0.isStopped }) { return }
                if error != told { onFailure(error) }
                told = error
            }
            let pause = hasWaits ? Self.pollInterval : Self.beatInterval - (.now - beaten)
            _ = wake.wait(timeout: .now() + .nanoseconds(Int(max(.zero, pause).nanoseconds)))
        }
    }

    private func look() throws(DatastoreError) {
        let asked = ContinuousClock.now
        let members = try store.members()
        state.withLock { state in
            state.known = members
            state.knownAt = asked
        }
        // Who registered after the question reads everything before it serves: so does not count, unless the change
        // is later still.
        answer { wait, pending in pending == 0 && wait.since <= asked }
    }

    private func answer(_ isDue: (Wait, Int) -> Bool) {
        let answered = state.withLock { state in
            let due = state.waits.map { ($0, pending(at: $0.position, state)) }.filter { isDue($0.0, $0.1) }
            let ids = Set(due.map(\.0.id))
            state.waits.removeAll { ids.contains($0.id) }
            return due
        }
        for (wait, pending) in answered { wait.done(pending) }
    }

    private func others(_ state: State) -> [StoreMember] {
        let since = ContinuousClock.now - state.knownAt
        return state.known.filter { !$0.isSelf && $0.silence + since < deadAfter }
    }

    private func pending(at position: LogPosition, _ state: State) -> Int {
        others(state).count {
            $0.applied.revision < position.revision || $0.applied.generation < position.generation
        }
    }
}
