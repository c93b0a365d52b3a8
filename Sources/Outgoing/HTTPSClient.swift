import Foundation
import Synchronization

/// HTTPS requests to other servers, through libcurl: any number at once on one thread, started and canceled by any.
///
/// Always TLS 1.2 or later with a verified server, always HTTP/1.1. Proxies are taken from the usual variables of the
/// environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). The thread begins with the first request, and ends with
/// `shutDown` or the client.
public final class HTTPSClient: Sendable {
    private let mailbox = Mailbox()
    private let nextID = Atomic<UInt64>(1)
    private let hasThread = Atomic(false)

    public init() {}

    deinit { shutDown() }

    /// Ends every request with `.unavailable`, those that come later at once. Does not wait for the receivers.
    public func shutDown() { mailbox.shut() }

    @discardableResult
    public func start(_ request: HTTPSRequest, receiver: some ResponseReceiver) -> HTTPSTransfer {
        let transfer = makeTransfer()
        start(transfer, request, receiver)
        return transfer
    }

    /// Calls back with the whole answer, on the client's thread.
    @discardableResult
    public func send(
        _ request: HTTPSRequest, completion: @escaping @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void
    ) -> HTTPSTransfer {
        start(request, receiver: WholeAnswer(completion))
    }

    /// The whole answer. Canceling the task cancels the request.
    public func send(_ request: HTTPSRequest) async throws(OutgoingError) -> HTTPSResponse {
        let transfer = makeTransfer()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                start(transfer, request, WholeAnswer { continuation.resume(returning: $0) })
            }
        } onCancel: {
            transfer.cancel()
        }
        return try result.get()
    }

    /// The head of the answer, and its body as it arrives; up to `capacity` bytes and one piece wait for the reader
    /// before no more are read from the server.
    public func stream(
        _ request: HTTPSRequest, capacity: Int = 262_144
    ) async throws(OutgoingError) -> StreamedResponse {
        let transfer = makeTransfer()
        let queue = BodyQueue(transfer, capacity: capacity)
        start(transfer, request, queue)
        return StreamedResponse(head: try await queue.head(), queue: queue)
    }

    private func makeTransfer() -> HTTPSTransfer {
        HTTPSTransfer(id: nextID.add(1, ordering: .relaxed).newValue, mailbox: mailbox)
    }

    private func start(_ transfer: HTTPSTransfer, _ request: HTTPSRequest, _ receiver: some ResponseReceiver) {
        guard mailbox.post(.start(transfer, request, receiver)) else {
            return receiver.finish(OutgoingError(host: request.address.host, cause: .unavailable, detail: nil))
        }
        guard !hasThread.exchange(true, ordering: .relaxed) else { return }
        Thread.detachNewThread { [mailbox] in CurlLoop(mailbox).run() }
    }
}

/// Gathers an answer whose size its request bounds.
private final class WholeAnswer: ResponseReceiver {
    private struct State {
        var head: ResponseHead?
        var body: [UInt8] = []
    }

    private let state = Mutex(State())
    private let completion: @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void

    init(_ completion: @escaping @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void) {
        self.completion = completion
    }

    func receive(_ head: ResponseHead) {
        state.withLock { $0.head = head }
    }

    func receive(_ bytes: [UInt8]) -> Bool {
        state.withLock { $0.body += bytes }
        return true
    }

    func finish(_ failure: OutgoingError?) {
        let (head, body) = state.withLock { ($0.head, $0.body) }
        if let failure {
            completion(.failure(failure))
        } else if let head {
            completion(.success(HTTPSResponse(head: head, body: body)))
        }
    }
}
