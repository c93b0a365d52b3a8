import Outgoing
import Synchronization

/// Sends requests to issuers; tests put their own in its place.
protocol RequestSender: Sendable {
    /// Calls back once, on any thread.
    func ask(_ request: HTTPSRequest, completion: @escaping @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void)
    /// Ends what is under way; no request succeeds after that.
    func end()
}

extension RequestSender {
    func end() {}
}

extension HTTPSClient: RequestSender {
    func ask(_ request: HTTPSRequest, completion: @escaping @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void) {
        send(request, completion: completion)
    }

    /// Waits for the client's thread: an ending process would take away the library that it uses.
    func end() { shutDown(waiting: .milliseconds(200)) }
}

/// What one issuer tells of itself, fetched when somebody wants to sign in and kept as keys are: for an hour, and for
/// as long as it cannot be fetched again.
final class Discovery: Sendable {
    typealias Answer = Result<ProviderMetadata, SignInFailure>

    /// Seconds between two fetches that do, and to the next after one that did not.
    static let refreshSeconds: Int64 = 3_600
    static let retrySeconds: Int64 = 5
    /// People who may wait for the first answer.
    static let maximumWaiting = 256

    private struct State {
        var metadata: ProviderMetadata?
        /// Unix second of the last attempt; nil before the first.
        var askedAt: Int64?
        var isAsking = false
        var failure: SignInFailure?
        var waiting: [@Sendable (Answer) -> Void] = []

        func isDue(now: Int64) -> Bool {
            // A clock that was put back must not stop the asking for years.
            guard let askedAt, askedAt <= now else { return true }
            return now - askedAt >= (failure == nil ? refreshSeconds : retrySeconds)
        }
    }

    private let issuer: TokenIssuer
    private let address: HTTPSAddress
    private let sender: any RequestSender
    private let settings: KeySettings
    private let report: @Sendable (SignInEvent) -> Void
    private let state = Mutex(State())

    init(
        _ issuer: TokenIssuer, at address: HTTPSAddress, sender: any RequestSender, settings: KeySettings,
        report: @escaping @Sendable (SignInEvent) -> Void
    ) {
        (self.issuer, self.address, self.sender) = (issuer, address, sender)
        (self.settings, self.report) = (settings, report)
    }

    /// Where people sign out, as far as that is known; asks nobody.
    var known: ProviderMetadata? { state.withLock { $0.metadata } }

    /// Calls back at once with what is known, or when it is there, on the thread that brings it.
    ///
    /// - Parameter now: Unix time in seconds.
    func metadata(now: Int64, completion: @escaping @Sendable (Answer) -> Void) {
        let (answer, asks) = state.withLock { state -> (Answer?, Bool) in
            let asks = !state.isAsking && state.isDue(now: now)
            if asks {
                state.isAsking = true
                state.askedAt = now
            }
            if let metadata = state.metadata { return (.success(metadata), asks) }
            if !state.isAsking { return (.failure(state.failure ?? .issuerUnreachable), false) }
            guard state.waiting.count < Self.maximumWaiting else { return (.failure(.busy), asks) }
            state.waiting.append(completion)
            return (nil, asks)
        }
        if let answer { completion(answer) }
        if asks { fetch() }
    }

    private func fetch() {
        var request = HTTPSRequest(address)
        request.headers = ["Accept": "application/json", "User-Agent": "insightsd"]
        request.onlyStatus = 200
        request.prepare(settings, bodyBytes: ProviderMetadata.maximumBytes)
        sender.ask(request) { [self] in take($0) }
    }

    private func take(_ result: Result<HTTPSResponse, OutgoingError>) {
        var reason: String?
        var metadata: ProviderMetadata?
        do {
            metadata = try ProviderMetadata(json: result.get().body, issuer: issuer.issuer)
        } catch let fault as ProviderMetadata.Fault {
            reason = fault.rawValue
        } catch {
            reason = "\(error)"
        }
        let failure: SignInFailure? = reason == nil ? nil : .issuerUnreachable
        let (waiting, answer, isNews) = state.withLock { state in
            let isNews = metadata.map { $0 != state.metadata } ?? (state.failure == nil)
            if let metadata { state.metadata = metadata }
            state.failure = failure
            state.isAsking = false
            defer { state.waiting = [] }
            let answer: Answer = state.metadata.map { .success($0) } ?? .failure(failure ?? .issuerUnreachable)
            return (state.waiting, answer, isNews)
        }
        if isNews { report(.discovery(issuer: issuer.issuer, failure: reason)) }
        for completion in waiting { completion(answer) }
    }
}

extension HTTPSRequest {
    /// The limits of every request to an issuer.
    mutating func prepare(_ settings: KeySettings, bodyBytes: Int) {
        authoritiesFile = settings.trustRootsFile
        keepsConnection = false
        limits.bodyBytes = bodyBytes
        limits.connectTime = .seconds(settings.timeoutSeconds)
        limits.totalTime = .seconds(settings.timeoutSeconds)
    }
}
