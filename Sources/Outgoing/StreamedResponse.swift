import Synchronization

/// An answer whose body is read as it arrives. Letting go of it cancels the transfer.
public final class StreamedResponse: Sendable {
    public let head: ResponseHead
    private let queue: BodyQueue

    init(head: ResponseHead, queue: BodyQueue) {
        self.head = head
        self.queue = queue
    }

    deinit { queue.transfer.cancel() }

    /// The next piece; nil after the last. Canceling the task cancels the transfer.
    public func next() async throws(OutgoingError) -> [UInt8]? { try await queue.next() }
}

/// Between the client's thread, which brings pieces, and the task that takes them.
final class BodyQueue: ResponseReceiver {
    private struct State {
        var head: ResponseHead?
        var pieces: [[UInt8]] = []
        var bytes = 0
        var isHeld = false
        var isOver = false
        var failure: OutgoingError?
        /// Continue when there is something new to look at.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let transfer: HTTPSTransfer
    private let capacity: Int
    private let state = Mutex(State())

    init(_ transfer: HTTPSTransfer, capacity: Int) {
        self.transfer = transfer
        self.capacity = capacity
    }

    // MARK: The client's thread

    func receive(_ head: ResponseHead) {
        change { $0.head = head }
    }

    func receive(_ bytes: [UInt8]) -> Bool {
        change { state in
            state.pieces.append(bytes)
            state.bytes += bytes.count
            state.isHeld = state.bytes >= capacity
            return !state.isHeld
        }
    }

    func finish(_ failure: OutgoingError?) {
        change { state in
            state.isOver = true
            state.failure = failure
        }
    }

    private func change<Answer: Sendable>(_ body: (inout State) -> Answer) -> Answer {
        let (answer, waiting) = state.withLock { state in
            let answer = body(&state)
            defer { state.waiting = [] }
            return (answer, state.waiting)
        }
        for continuation in waiting { continuation.resume() }
        return answer
    }

    // MARK: The reader's task

    func head() async throws(OutgoingError) -> ResponseHead {
        while true {
            let (head, isOver, failure) = state.withLock { ($0.head, $0.isOver, $0.failure) }
            if let head { return head }
            if isOver, let failure { throw failure }
            await news { $0.head == nil }
        }
    }

    func next() async throws(OutgoingError) -> [UInt8]? {
        while true {
            let (piece, isOver, failure, isHeld) = state.withLock { state in
                let piece = state.pieces.isEmpty ? nil : state.pieces.removeFirst()
                state.bytes -= piece?.count ?? 0
                // Half empty, so that a slow reader does not stop and start the transfer with every piece.
                let isHeld = state.isHeld && state.bytes <= capacity / 2
                if isHeld { state.isHeld = false }
                return (piece, state.isOver, state.failure, isHeld)
            }
            if isHeld { transfer.resume() }
            if let piece { return piece }
            if let failure { throw failure }
            if isOver { return nil }
            await news { $0.pieces.isEmpty }
        }
    }

    /// Waits for a change, if there is still reason to.
    private func news(_ isNeeded: @Sendable (borrowing State) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard isNeeded(state), !state.isOver else { return false }
                    state.waiting.append(continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            transfer.cancel()
        }
    }
}
