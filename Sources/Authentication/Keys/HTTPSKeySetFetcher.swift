import Dispatch
import Outgoing
import Synchronization

/// One GET for every fetch, over a connection of its own: the server is verified anew each time.
///
/// Any status but 200 is a failure, so no redirect is ever followed; the answer's size and the whole time are bounded.
struct HTTPSKeySetFetcher: KeySetFetcher {
    private let client = HTTPSClient()

    /// Waits for the client's thread: an ending process would take away the library that it uses.
    func end() { client.shutDown(waiting: .milliseconds(200)) }

    /// Blocks: for the thread of a source.
    func fetch(_ address: HTTPSAddress, settings: KeySettings) throws(KeySetError) -> [UInt8] {
        var request = HTTPSRequest(address)
        request.headers = ["Accept": "application/json", "User-Agent": "insightsd", "Connection": "close"]
        request.onlyStatus = 200
        request.authoritiesFile = settings.trustRootsFile
        request.keepsConnection = false
        request.limits.bodyBytes = settings.maximumBytes
        request.limits.connectTime = .seconds(settings.timeoutSeconds)
        request.limits.totalTime = .seconds(settings.timeoutSeconds)
        let answer = Answer()
        client.send(request) { answer.take($0) }
        do throws(OutgoingError) {
            return try answer.wait().body
        } catch {
            throw KeySetError(error)
        }
    }
}

/// Hands the answer from the client's thread to the one that waits for it.
private final class Answer: Sendable {
    private let result = Mutex<Result<HTTPSResponse, OutgoingError>?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    func take(_ answer: Result<HTTPSResponse, OutgoingError>) {
        result.withLock { $0 = answer }
        arrived.signal()
    }

    func wait() throws(OutgoingError) -> HTTPSResponse {
        while true {
            if let result = result.withLock({ $0 }) { return try result.get() }
            arrived.wait()
        }
    }
}

extension KeySetError {
    fileprivate init(_ error: OutgoingError) {
        self =
            switch error.cause {
            case .status(let status): .status(status)
            case .limit(.bodyBytes(let limit)): .tooLarge(limitBytes: limit)
            case .limit(.connectTime), .limit(.totalTime), .limit(.slowness): .timedOut
            case .untrusted, .noTLS, .unreadableAuthorities: .unreachable("the TLS connection could not be made")
            case .cutShort: .unreachable("the connection was closed before the answer was whole")
            default: .unreachable("the server could not be reached")
            }
    }
}
