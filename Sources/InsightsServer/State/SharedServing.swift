import Datastore
import Dispatch
import Logging
import Synchronization

/// What a server has beside its writer when others are on its store: it follows them, tells them how far it is, and
/// answers nothing when it cannot.
final class SharedServing: Sendable {
    private struct State {
        var isStale = false
        var isStopped = false
    }

    /// Between looks at how old the facts are, for those who watch.
    private static let lookInterval = DispatchTimeInterval.milliseconds(250)

    let freshness: Freshness
    private let store: any LicenseDatastore
    private let writer: FactWriter
    private let follower: LogFollower
    let members: Members
    private let logger: Logger
    private let onChange: @Sendable () -> Void
    private let state = Mutex(State())
    private let looks = DispatchQueue(label: "freshness")

    /// Nil where one server has the store.
    ///
    /// - Parameter onChange: called when the server begins or ceases to be fresh enough.
    init?(
        store: any LicenseDatastore, writer: FactWriter, staleReads: Duration, logger: Logger,
        onChange: @escaping @Sendable () -> Void
    ) {
        guard store.isShared, let freshness = writer.freshness else { return nil }
        self.freshness = freshness
        self.store = store
        self.writer = writer
        self.logger = logger
        self.onChange = onChange
        let onFailure = writer.onFailure
        follower = LogFollower(store: store, writer: writer) { failure in
            if let failure { return onFailure(failure) }
            logger.notice("the store is followed again")
        }
        let members = Members(store: store, staleReads: staleReads, freshness: freshness) {
            writer.position.withLock { $0 }
        } onFailure: { failure in
            if let failure { return onFailure(failure) }
            logger.notice("the other servers are told again how far this one is")
        }
        self.members = members
        writer.onUrgent.withLock { $0 = { [weak members] in members?.beatNow() } }
    }

    /// Returns once everything is here that was written before; from here on it stays so. To be called before anybody
    /// is served. Blocks.
    func begin() throws {
        // Before it follows to the end: whoever changes something later waits for this server too.
        try members.register()
        do throws(WriteFailure) {
            try writer.follow()
        } catch {
            guard case .datastore(let failure) = error else { throw error }
            throw failure
        }
        follower.start()
        members.start()
        look()
    }

    /// Before the store is closed.
    func stop() {
        state.withLock { $0.isStopped = true }
        members.stop()
        follower.stop()
    }

    private func look() {
        let isStale = freshness.isStale
        let (isChanged, isStopped) = state.withLock { state in
            defer { state.isStale = isStale }
            return (state.isStale != isStale, state.isStopped)
        }
        if isStopped { return }
        if isChanged {
            if isStale {
                logger.error("calls are refused", metadata: ["reason": .string(problem ?? "")])
            } else {
                logger.notice("calls are answered again")
            }
            onChange()
        }
        looks.asyncAfter(deadline: .now() + Self.lookInterval) { [weak self] in self?.look() }
    }

    /// Why nothing is answered; nil when the facts are fresh enough.
    var problem: String? {
        guard freshness.isStale else { return nil }
        return "the store was last followed \(freshness.age / 1_000_000_000) s ago"
    }

    /// Prometheus text.
    func metrics() -> String {
        var text = "# HELP insights_store_lag_seconds How long ago everything was known that is on the store.\n"
        text += "# TYPE insights_store_lag_seconds gauge\n"
        text += "insights_store_lag_seconds \(Double(freshness.age) / 1e9)\n"
        text += "# HELP insights_store_members Servers on the store that were heard of lately, this one included.\n"
        text += "# TYPE insights_store_members gauge\ninsights_store_members \(members.living + 1)\n"
        text += "# HELP insights_store_divergences_total Times everything was read anew, as the log was another one.\n"
        text += "# TYPE insights_store_divergences_total counter\n"
        text += "insights_store_divergences_total \(writer.divergences.load(ordering: .relaxed))\n"
        return text
    }
}
