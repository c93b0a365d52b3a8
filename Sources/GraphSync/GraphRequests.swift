import Foundation
import Outgoing

/// Asks the endpoints: every request with its token, its tries and its bounds.
struct GraphRequests: Sendable {
    let configuration: SyncConfiguration
    let limits: SyncLimits
    let client: HTTPSClient
    /// Of all tenants.
    let gate: RequestGate
    let requestsPerTenant: Int
    let telemetry: SyncTelemetry
    let receiver: ReceiverState
    let clock: @Sendable () -> Date

    /// What a server said that is no failure.
    struct Answer: Sendable {
        let status: Int
        /// Where the answer is to be had, for a redirect.
        let location: String?
    }

    /// A failure that may be gone with the next try.
    private enum Passing: Error {
        case throttled(Int, pause: Duration?)
        case status(Int)
        case connection(OutgoingError)
        case tokenRefused(String, SourceFailure)
    }

    func access(tenant: String, priority: Int) -> TenantAccess {
        TenantAccess(tenant: tenant, priority: priority, limit: requestsPerTenant) { [self] in
            try await requestToken($0)
        }
    }

    /// One answer of the API into a file.
    ///
    /// - Parameter statuses: beside 200, those that the caller understands; their bodies are not kept.
    func answer(
        _ source: GraphSource, _ address: HTTPSAddress, _ access: TenantAccess, into file: AnswerFile,
        statuses: Set<Int> = []
    ) async throws -> Answer {
        try await withTries(access) {
            try await exchange(source, address, access, into: file, statuses: statuses)
        }
    }

    /// A report: the API tells another address, which gets no token. Both are one try, because that address may be
    /// good for a single use.
    func report(_ address: HTTPSAddress, _ access: TenantAccess, into file: AnswerFile) async throws -> Answer {
        try await withTries(access) {
            let answer = try await exchange(.activity, address, access, into: file, statuses: [302, 404])
            guard answer.status == 302 else { return answer }
            guard let target = answer.location.flatMap({ Link.address($0, from: address) }) else {
                throw SourceFailure(.redirect, "the report is not at an https address; it was not followed")
            }
            return try await download(target, access, into: file)
        }
    }

    // MARK: Tokens

    private func requestToken(_ access: TenantAccess) async throws -> AccessToken {
        let audience = "\(configuration.login)/\(access.tenant)/oauth2/v2.0/token"
        guard let address = HTTPSAddress(audience) else {
            throw SourceFailure(.credential, "endpoints.login makes no address")
        }
        return try await withTries(access) {
            var fields = [("grant_type", "client_credentials"), ("client_id", configuration.clientID)]
            fields.append(("scope", "\(configuration.graph)/.default"))
            // A new one for every try: an assertion is good for a single use.
            fields += try configuration.credential.formFields(
                clientID: configuration.clientID, audience: audience, now: clock())
            let body = Array(FormText.encoded(fields).utf8)
            let request = request(
                address, .post(body, contentType: "application/x-www-form-urlencoded"), limits.shortAnswerBytes)
            let (head, bytes) = try await whole(request, access, kind: "token")
            switch head.status {
            case 200:
                guard let token = TokenAnswer(bytes) else {
                    throw SourceFailure(.malformed, "the answer of the token endpoint holds no token")
                }
                return token.accessToken
            case 429, 500...599: throw passing(head)
            case 300...399:
                throw SourceFailure(.redirect, "the token endpoint answers with a redirect; it was not followed")
            default: throw GraphError(bytes).tokenFailure(tenant: access.tenant, status: head.status)
            }
        }
    }

    // MARK: One exchange

    private func exchange(
        _ source: GraphSource, _ address: HTTPSAddress, _ access: TenantAccess, into file: AnswerFile,
        statuses: Set<Int>
    ) async throws -> Answer {
        let token = try await access.tokens.token(for: access)
        var request = request(address, .get, limits.answerBytes)
        request.authorization = "Bearer \(token)"
        request.headers["Accept"] = "application/json"
        return try await send(request, access, kind: source.rawValue) { response in
            switch response.head.status {
            case 200:
                try await save(response, into: file)
                return Answer(status: 200, location: nil)
            case let status where statuses.contains(status):
                return Answer(status: status, location: response.head.header("Location"))
            case 401:
                let error = GraphError(try await short(response), hiding: token)
                throw Passing.tokenRefused(token, error.failure(source, status: 401))
            case 300...399:
                throw SourceFailure(.redirect, "a redirect where there should be a list; it was not followed")
            case 429, 500...599: throw passing(response.head)
            case let status:
                throw GraphError(try await short(response), hiding: token).failure(source, status: status)
            }
        }
    }

    private func download(
        _ address: HTTPSAddress, _ access: TenantAccess, into file: AnswerFile
    ) async throws -> Answer {
        try await send(request(address, .get, limits.answerBytes), access, kind: "download") { response in
            switch response.head.status {
            case 200:
                try await save(response, into: file)
                return Answer(status: 200, location: nil)
            case 300...399:
                throw SourceFailure(
                    .redirect, "the address of the report leads to yet another one; it was not followed")
            // The address is no longer good: the next try asks for another one.
            case 401, 403, 404, 410: throw Passing.status(response.head.status)
            case 429, 500...599: throw passing(response.head)
            case let status: throw SourceFailure(.refused, "the download of the report was answered by HTTP \(status)")
            }
        }
    }

    private func request(_ address: HTTPSAddress, _ method: HTTPSRequest.Method, _ bytes: Int) -> HTTPSRequest {
        var request = HTTPSRequest(address, method: method)
        request.authoritiesFile = configuration.authoritiesFile
        request.limits.bodyBytes = bytes
        request.limits.redirects = 0
        request.limits.totalTime = limits.totalTime
        request.limits.slowestBytesPerSecond = 1
        request.limits.slowestSeconds = limits.silentSeconds
        return request
    }

    private func send<Value>(
        _ request: HTTPSRequest, _ access: TenantAccess, kind: String,
        _ body: (StreamedResponse) async throws -> Value
    ) async throws -> Value {
        try await access.gate.withPlace {
            while true {
                try await access.waitWhileHeld()
                let value: Value? = try await gate.withPlace(priority: access.priority) {
                    // While this waited for a place, another request of the tenant may have been told to pause.
                    if access.isHeld { return nil }
                    // What the vendor tells could not be sent anyway.
                    if let failure = receiver.failure { throw failure }
                    telemetry.change { $0.requests[kind, default: 0] += 1 }
                    do {
                        return try await body(try await client.stream(request))
                    } catch let error as OutgoingError {
                        throw try consequence(of: error)
                    }
                }
                if let value { return value }
            }
        }
    }

    private func whole(
        _ request: HTTPSRequest, _ access: TenantAccess, kind: String
    ) async throws -> (ResponseHead, [UInt8]) {
        try await send(request, access, kind: kind) { ($0.head, try await short($0)) }
    }

    private func save(_ response: StreamedResponse, into file: AnswerFile) async throws {
        try await file.write { write in
            while let piece = try await response.next() { try write(piece) }
        }
    }

    /// The beginning of an answer that tells what went wrong, or a token.
    private func short(_ response: StreamedResponse) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limits.shortAnswerBytes, let piece = try await response.next() { bytes += piece }
        return bytes
    }

    // MARK: Tries

    private func passing(_ head: ResponseHead) -> Passing {
        guard head.status == 429 || head.status == 503 else { return .status(head.status) }
        return .throttled(head.status, pause: RetryAfter.pause(head.header("Retry-After"), now: clock()))
    }

    /// What is worth another try, and what is not.
    private func consequence(of error: OutgoingError) throws -> Passing {
        switch error.cause {
        case .cutShort, .unreachable, .noTLS, .other, .malformed, .proxy: return .connection(error)
        case .limit(.slowness), .limit(.connectTime): return .connection(error)
        case .unavailable: throw SourceFailure(.connection, "no further connection can be made")
        case .limit(.bodyBytes(let bytes)) where bytes >= 1 << 20:
            throw SourceFailure(.limit, "\(error.host): the answer is larger than \(bytes >> 20) MiB")
        case .limit: throw SourceFailure(.limit, "\(error)")
        case .untrusted, .unreadableAuthorities: throw SourceFailure(.untrusted, "\(error)")
        case .canceled: throw CancellationError()
        case .forbiddenRedirect, .invalidRequest, .status: throw SourceFailure(.refused, "\(error)")
        }
    }

    private func withTries<Value>(_ access: TenantAccess, _ body: () async throws -> Value) async throws -> Value {
        var failures = 0
        var waited: Duration = .zero
        var isRenewed = false
        while true {
            let failure: Passing
            do {
                return try await body()
            } catch let passing as Passing {
                failure = passing
            }
            if case .tokenRefused(let token, let refusal) = failure {
                if isRenewed { throw refusal }
                isRenewed = true
                await access.tokens.drop(token)
                continue
            }
            failures += 1
            let pause = try pause(after: failure, failures, waited)
            waited += pause
            let isThrottled = if case .throttled = failure { true } else { false }
            if isThrottled { access.hold(for: pause) }
            telemetry.change { $0.pausing += 1 }
            let began = ContinuousClock.now
            defer {
                // A signal may cut it short.
                let slept = ContinuousClock.now - began
                telemetry.change { counts in
                    counts.pausing -= 1
                    if isThrottled { counts.throttled += slept }
                }
            }
            try await Task.sleep(for: pause)
        }
    }

    /// How long to wait before the next try; throws when there is none.
    private func pause(after failure: Passing, _ failures: Int, _ waited: Duration) throws -> Duration {
        var tries = limits.tries
        if case .connection(let error) = failure, error.isSilence { tries = limits.silentTries }
        guard failures < tries else { throw given(up: failure, failures) }
        if case .throttled(let status, let wanted?) = failure {
            guard waited + wanted <= limits.longestWait else {
                throw SourceFailure(
                    .throttled,
                    "throttled (HTTP \(status)): the server wants a further pause of \(wanted.components.seconds) s; "
                        + "left for the next run")
            }
            return wanted
        }
        var pause = limits.firstPause
        for _ in 1..<failures where pause < limits.longestPause { pause *= 2 }
        return min(pause, limits.longestPause) * Double.random(in: 1...1.25)
    }

    private func given(up failure: Passing, _ failures: Int) -> SourceFailure {
        let tries = failures == 1 ? "in one try" : "in \(failures) tries"
        return switch failure {
        case .throttled(let status, _): SourceFailure(.throttled, "throttled (HTTP \(status)) \(tries)")
        case .status(let status): SourceFailure(.serverError, "HTTP \(status) \(tries)")
        case .connection(let error) where error.isSilence:
            SourceFailure(.limit, "\(error.host): no byte for \(limits.silentSeconds) s, \(tries)")
        case .connection(let error): SourceFailure(.connection, "\(error), \(tries)")
        case .tokenRefused(_, let refusal): refusal
        }
    }
}

extension OutgoingError {
    /// The server fell silent in the middle of an answer, or before it.
    fileprivate var isSilence: Bool { if case .limit(.slowness) = cause { true } else { false } }
}

/// `application/x-www-form-urlencoded`.
enum FormText {
    static func encoded(_ fields: [(String, String)]) -> String {
        fields.map { "\(escaped($0.0))=\(escaped($0.1))" }.joined(separator: "&")
    }

    static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

/// What the token endpoint answers.
struct TokenAnswer {
    /// Seconds before its end in which a token is no longer used.
    private static let margin = 300.0
    /// Seconds for which none is used longer, whatever its answer says.
    private static let longestLife = 86_400.0

    let accessToken: AccessToken

    init?(_ bytes: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let token = object["access_token"] as? String, !token.isEmpty, token.utf8.count <= 65_536,
            token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        // A number of any kind; older endpoints write it as a text. Whatever it is, what comes out is a life.
        let life = object["expires_in"]
        let seconds = (life as? NSNumber)?.doubleValue ?? (life as? String).flatMap { Double($0) } ?? 0
        let left = seconds > Self.margin ? min(seconds - Self.margin, Self.longestLife) : 0
        accessToken = AccessToken(value: token, end: .now + .seconds(left))
    }
}
