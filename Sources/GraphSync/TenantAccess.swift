import Synchronization

/// What the requests of one tenant share: their number at once, a pause that the servers asked for, the token.
final class TenantAccess: Sendable {
    let tenant: String
    private let rank: Atomic<Int>
    let gate: RequestGate
    let tokens: TenantTokens
    private let heldUntil = Mutex(ContinuousClock.now)

    init(
        tenant: String, priority: Int, limit: Int,
        request: @escaping @Sendable (TenantAccess) async throws -> AccessToken
    ) {
        self.tenant = tenant
        rank = Atomic(priority)
        gate = RequestGate(limit)
        tokens = TenantTokens(request)
    }

    /// The place in the list of customers: the first ones are served first.
    var priority: Int { rank.load(ordering: .relaxed) }

    func setPriority(_ priority: Int) { rank.store(priority, ordering: .relaxed) }

    /// No request of the tenant begins before then.
    func hold(for pause: Duration) {
        let end = ContinuousClock.now + pause
        heldUntil.withLock { $0 = max($0, end) }
    }

    var isHeld: Bool { heldUntil.withLock { $0 } > .now }

    func waitWhileHeld() async throws {
        while true {
            let end = heldUntil.withLock { $0 }
            if end <= .now { return }
            try await Task.sleep(until: end, clock: .continuous)
        }
    }
}

struct AccessToken: Sendable {
    let value: String
    /// When another one is asked for.
    let end: ContinuousClock.Instant
}

/// A request for a token that several wait for. Whoever is canceled takes it from nobody else: it ends with the last.
private final class SharedTokenRequest: Sendable {
    let task: Task<AccessToken, any Error>
    /// Callers that were not canceled, the one that began it among them; 0 = given up.
    private let waiting = Mutex(1)

    init(_ task: Task<AccessToken, any Error>) { self.task = task }

    /// False when it was given up: nobody else may wait for what was canceled.
    func join() -> Bool {
        waiting.withLock { count in
            if count > 0 { count += 1 }
            return count > 0
        }
    }

    /// Once by every caller that is canceled.
    func leave() {
        let isLast = waiting.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { task.cancel() }
    }
}

/// The token of a tenant: asked for once by however many requests need it, and kept over the runs.
actor TenantTokens {
    private let request: @Sendable (TenantAccess) async throws -> AccessToken
    private var token: AccessToken?
    private var underWay: SharedTokenRequest?

    init(_ request: @escaping @Sendable (TenantAccess) async throws -> AccessToken) { self.request = request }

    func token(for access: TenantAccess) async throws -> String {
        try Task.checkCancellation()
        if let token, token.end > .now { return token.value }
        let shared = joined(access)
        let result = await withTaskCancellationHandler {
            await shared.task.result
        } onCancel: {
            shared.leave()
        }
        // The first to come back: the others may be so late that a server has refused the token since.
        if underWay === shared {
            underWay = nil
            token = try? result.get()
        }
        return try result.get().value
    }

    private func joined(_ access: TenantAccess) -> SharedTokenRequest {
        if let underWay, underWay.join() { return underWay }
        let shared = SharedTokenRequest(Task { [request] in try await request(access) })
        underWay = shared
        return shared
    }

    /// A server did not take it, though its time is not over.
    func drop(_ value: String) {
        if token?.value == value { token = nil }
    }
}
