import Glibc
import Synchronization
import Threads

/// HTTPS requests to other servers, through libcurl: any number at once on one thread, started and canceled by any.
///
/// Always TLS 1.2 or later with a verified server, always HTTP/1.1. Proxies are taken from the usual variables of the
/// environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). The thread begins with the first request, and ends with
/// `shutDown` or the client.
public final class HTTPSClient: Sendable {
    /// Nil when the system had no descriptor left: then every request ends with `.unavailable`.
    private let mailbox = Mailbox<ClientMessage>()
    private let nextID = Atomic<UInt64>(1)
    private let hasThread = Atomic(false)
    /// Set while the thread runs; its own, as the thread may outlive the client.
    private let isRunning = Flag()
    private let startThread: @Sendable (@escaping @Sendable () -> Void) -> Bool

    public convenience init() { self.init(startThread: BackgroundThread.start) }

    init(startThread: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool) {
        self.startThread = startThread
    }

    deinit { shutDown() }

    /// Ends every request with `.unavailable`, those that come later at once. Does not wait for the receivers.
    public func shutDown() {
        for message in mailbox?.shut() ?? [] { message.refuse() }
    }

    /// The same, and waits until the thread is done with the library, `limit` at most: a process that ends meanwhile
    /// would take away what the thread uses. Not for the client's own thread.
    public func shutDown(waiting limit: Duration) {
        shutDown()
        let end = ContinuousClock.now + limit
        while isRunning.value.load(ordering: .acquiring), ContinuousClock.now < end { usleep(1_000) }
    }

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
        let message = ClientMessage.start(transfer, request, receiver)
        guard let mailbox, mailbox.post(message) else { return message.refuse() }
        guard !hasThread.exchange(true, ordering: .relaxed) else { return }
        isRunning.value.store(true, ordering: .releasing)
        let isRunning = isRunning
        let run: @Sendable () -> Void = {
            CurlLoop(mailbox).run()
            isRunning.value.store(false, ordering: .releasing)
        }
        if startThread(run) { return }
        isRunning.value.store(false, ordering: .releasing)
        // Whoever posts after the messages were taken sees this, through the mailbox's lock, and tries again.
        hasThread.store(false, ordering: .relaxed)
        for message in mailbox.take() { message.refuse() }
    }
}

/// A word that two threads share.
private final class Flag: Sendable {
    let value = Atomic(false)
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
