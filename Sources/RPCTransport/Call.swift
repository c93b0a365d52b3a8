import GRPCCore
import Glibc
import Synchronization
import Threads

/// One call, between the tasks that make it and the loop that carries its bytes. It holds at most
/// ``maximumUnsent`` bytes and one message of the request, and of the response one message and the stream's window.
final class Call: Sendable {
    typealias Part = RPCResponsePart<[UInt8]>

    /// Where the loop has it.
    enum Place {
        case unknown
        case waiting
        case open(OpenCall)
        case over
    }

    /// Bytes at which whoever writes has to wait.
    static let maximumUnsent = 65_536
    /// Sent bytes that are kept until the server answers, so that a call which it refused can be sent again.
    static let maximumKept = 262_144

    private struct State {
        var metadata: Metadata?
        /// Messages with their prefixes; those before `sent` have left.
        var request: [UInt8] = []
        var sent = 0
        var requestEnded = false
        /// Sent bytes are gone.
        var isCut = false
        var writer: CheckedContinuation<Void, any Error>?

        /// What the reader has not taken, from `first` on, and the bytes of each on the wire.
        var parts: [(part: Part, bytes: Int)] = []
        var first = 0
        var heldBytes = 0
        var hasAnswer = false
        var end: Result<Void, RPCError>?
        var reader: CheckedContinuation<Part?, any Error>?

        /// The loop owes the server window and waits for the reader.
        var owesWindow = false
        /// The loop has been told and has not looked yet.
        var isAnnounced = false

        var unsent: Int { request.count - sent }
    }

    /// `package.Service/Method` with a slash before it.
    let path: String
    let waitsForServer: Bool
    let maximumResponse: Int
    private let maximumRequest: Int
    private let mailbox: Mailbox<LoopMessage>
    private let state = Mutex(State())

    // Touched by the loop's thread alone.
    nonisolated(unsafe) var place = Place.unknown
    nonisolated(unsafe) var repeats = 0
    /// Monotonic nanoseconds at which it came to the loop, which are those of its timeout.
    nonisolated(unsafe) var since: UInt64 = 0

    init(path: String, options: CallOptions, mailbox: Mailbox<LoopMessage>) {
        self.path = path
        self.mailbox = mailbox
        waitsForServer = options.waitForReady ?? false
        // 4 MiB is what gRPC takes unless told otherwise.
        maximumResponse = options.maxResponseMessageBytes ?? 4 << 20
        maximumRequest = min(options.maxRequestMessageBytes ?? .max, Int(UInt32.max))
    }

    // MARK: Whoever makes the call

    func write(_ part: RPCRequestPart<[UInt8]>) async throws {
        switch part {
        case .metadata(let metadata):
            try change { $0.metadata = metadata }
        case .message(let message):
            guard message.count <= maximumRequest else {
                throw RPCError(
                    code: .resourceExhausted,
                    message: "the request has \(message.count) bytes, \(maximumRequest) are allowed")
            }
            while !(try hasRoom()) { try await waitForRoom() }
            try change { state in
                state.request.append(0)
                withUnsafeBytes(of: UInt32(truncatingIfNeeded: message.count).bigEndian) {
                    state.request.append(contentsOf: $0)
                }
                state.request.append(contentsOf: message)
            }
        }
    }

    func finishWriting() {
        try? change { $0.requestEnded = true }
    }

    private func change(_ body: (inout State) -> Void) throws {
        try Task.checkCancellation()
        let mustTell = try state.withLock { state in
            if let end = state.end { throw Self.refusal(end) }
            body(&state)
            defer { state.isAnnounced = true }
            return !state.isAnnounced
        }
        if mustTell { tell() }
    }

    private func tell() {
        if !mailbox.post(.changed(self)) { fail(RPCError(code: .unavailable, message: "the transport is closed")) }
    }

    /// Why nothing more may be written after the end.
    private static func refusal(_ end: Result<Void, RPCError>) -> RPCError {
        switch end {
        case .success: RPCError(code: .cancelled, message: "the server has ended the call")
        case .failure(let error): error
        }
    }

    private func hasRoom() throws -> Bool {
        try state.withLock { state in
            if let end = state.end { throw Self.refusal(end) }
            return state.unsent < Self.maximumUnsent
        }
    }

    private static let cancelled = RPCError(code: .cancelled, message: "the call was cancelled")

    private func waitForRoom() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    // A cancellation before this found nobody to wake.
                    if Task.isCancelled { return .failure(Self.cancelled) }
                    if let end = state.end { return .failure(Self.refusal(end)) }
                    if state.unsent < Self.maximumUnsent { return .success(()) }
                    state.writer = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            state.withLock { $0.writer.take() }?.resume(throwing: Self.cancelled)
        }
    }

    /// The next part of the response; nil after the last.
    func read() async throws -> Part? {
        let (part, mustTell) = try state.withLock { try Self.take(from: &$0) }
        if mustTell { tell() }
        if let part { return part }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<(part: Part?, mustTell: Bool), any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(Self.cancelled) }
                    if state.parts.count > state.first || state.end != nil {
                        return Result { try Self.take(from: &state) }
                    }
                    state.reader = continuation
                    return nil
                }
                guard let result else { return }
                if case .success((_, true)) = result { tell() }
                continuation.resume(with: result.map(\.part))
            }
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume(throwing: Self.cancelled)
        }
    }

    /// Takes a part off the queue; `mustTell` when the loop has to hear of the room.
    private static func take(from state: inout State) throws -> (part: Part?, mustTell: Bool) {
        guard state.first < state.parts.count else {
            try state.end?.get()
            return (nil, false)
        }
        let (part, bytes) = state.parts[state.first]
        state.first += 1
        if state.first == state.parts.count {
            state.parts.removeAll(keepingCapacity: true)
            state.first = 0
        } else if state.first >= 64 {
            state.parts.removeFirst(state.first)
            state.first = 0
        }
        state.heldBytes -= bytes
        let mustTell = state.owesWindow && state.heldBytes <= Connection.streamWindow / 8 && !state.isAnnounced
        if mustTell { state.isAnnounced = true }
        return (part, mustTell)
    }

    /// The request cannot be completed.
    func abandon(_ error: any Error) {
        fail(RPCError(code: .cancelled, message: "the request could not be made", cause: error))
        mailbox.post(.left(self))
    }

    /// Nobody reads or writes any more.
    func leave() {
        fail(Self.cancelled)
        mailbox.post(.left(self))
    }

    // MARK: The loop

    /// From here on the loop is told of changes again.
    func beginLook() {
        state.withLock { $0.isAnnounced = false }
    }

    var isOver: Bool { state.withLock { $0.end != nil } }

    /// Nil before the request has begun.
    var metadata: Metadata? { state.withLock { $0.metadata } }

    /// Something to send, be it the end.
    var hasOutput: Bool { state.withLock { $0.unsent > 0 || $0.requestEnded } }

    /// Moves up to `room` bytes of the request to `target`, which must have it. `isLast` after the last one.
    func fill(_ target: UnsafeMutablePointer<UInt8>, _ room: Int) -> (count: Int, isLast: Bool) {
        let (result, writer) = state.withLock { state in
            let count = min(room, state.unsent)
            state.request.withUnsafeBytes { bytes in
                // sent + count is within the request, and count within the room.
                if let base = bytes.baseAddress, count > 0 { memcpy(target, base + state.sent, count) }
            }
            state.sent += count
            // A call that was left has no orderly end: what follows is its reset.
            let isLast = state.requestEnded && state.unsent == 0 && state.end == nil
            if state.hasAnswer || state.request.count > Self.maximumKept { Self.cut(&state) }
            return ((count, isLast), state.unsent < Self.maximumUnsent ? state.writer.take() : nil)
        }
        writer?.resume()
        return result
    }

    /// Frees what has been sent, at times when that costs little.
    private static func cut(_ state: inout State) {
        guard state.sent > 0 else { return }
        if state.unsent == 0 {
            state.request.removeAll(keepingCapacity: state.request.capacity <= Self.maximumKept)
        } else if state.sent >= state.request.count / 2 {
            state.request.removeFirst(state.sent)
        } else {
            return
        }
        state.sent = 0
        state.isCut = true
    }

    /// Whether any of the response has come.
    var hasAnswer: Bool { state.withLock { $0.hasAnswer } }

    /// Makes the request begin anew; false when that is no longer possible.
    func rewind() -> Bool {
        state.withLock { state in
            guard !state.isCut, !state.hasAnswer, state.end == nil else { return false }
            state.sent = 0
            return true
        }
    }

    /// Bytes of messages that the reader has not taken. `owesWindow` asks to be told when that changes.
    func heldBytes(owesWindow: (Int) -> Bool) -> Int {
        state.withLock { state in
            state.owesWindow = owesWindow(state.heldBytes)
            return state.heldBytes
        }
    }

    func deliver(_ part: Part, bytes: Int) {
        let reader = state.withLock { state -> CheckedContinuation<Part?, any Error>? in
            guard state.end == nil else { return nil }
            state.hasAnswer = true
            if let reader = state.reader.take() { return reader }
            state.parts.append((part, bytes))
            state.heldBytes += bytes
            return nil
        }
        reader?.resume(returning: part)
    }

    func finish(_ status: Status, _ metadata: Metadata) {
        deliver(.status(status, metadata), bytes: 0)
        end(.success(()))
    }

    func fail(_ error: RPCError) { end(.failure(error)) }

    /// What was delivered before can still be read.
    private func end(_ result: Result<Void, RPCError>) {
        var reader: CheckedContinuation<Part?, any Error>?
        var writer: CheckedContinuation<Void, any Error>?
        state.withLock { state in
            guard state.end == nil else { return }
            state.end = result
            state.request = []
            state.sent = 0
            state.isCut = true
            reader = state.reader.take()
            writer = state.writer.take()
        }
        writer?.resume(throwing: Self.refusal(result))
        switch result {
        case .success: reader?.resume(returning: nil)
        case .failure(let error): reader?.resume(throwing: error)
        }
    }
}
