import AuditTrail
import Dispatch
import InsightsAPI
import LicenseModel
import RPCEngine
import Synchronization
import Tenancy

/// One `Ingest` call. The event loop only hands bytes over; decoding and validation run on a queue of this stream's
/// own, and the fact writer commits. Batches are answered in the order in which they came.
final class IngestStream: MessageReceiver, Sendable {
    private struct Answer {
        let response: [UInt8]
        /// Bytes of the batch that it answers.
        let size: Int
    }

    private struct State {
        /// Batches received whose answers the writer has not taken.
        var underWay = 0
        /// Bytes of those batches.
        var bytes = 0
        var halfClosed = false
        /// No further batch is taken.
        var ended = false
        /// Answers for which the writer has no room because the peer does not read; no acknowledgement is dropped.
        var backlog: [Answer] = []
        /// The status that follows the last answer.
        var status: RPCStatus?
    }

    private enum Step {
        case finish(RPCStatus)
        case resume
        case wait
    }

    private let intake: BatchIntake
    private let audit: CallAudit
    private let openStreams: DispatchGroup
    private let grant: OperatorGrant
    private let writer: StreamWriter
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "ingest-stream")
    /// The stream as the audit trail notes it; nil when it could not, and then no batch was taken.
    private let noted = Mutex<AuditChange?>(nil)

    /// Batches and bytes that one stream may have under way before its peer is made to wait.
    private static let maximumUnderWay = 4
    private static let maximumBytesUnderWay = 16 << 20
    /// What a byte of a batch takes while it is decoded and waits: message, facts, and their form for the log.
    private static let bytesHeldPerByte = 4

    /// - Parameters:
    ///   - openStreams: left when the call is on record.
    ///   - event: noted before the first batch is looked at; without that nothing is accepted.
    init(
        intake: BatchIntake, audit: CallAudit, openStreams: DispatchGroup, grant: OperatorGrant, writer: StreamWriter,
        event: AuditEvent
    ) {
        self.intake = intake
        self.audit = audit
        self.openStreams = openStreams
        self.grant = grant
        self.writer = writer
        openStreams.enter()
        queue.async { [self] in
            do throws(WriteFailure) {
                let change = try audit.beginChange(event)
                noted.withLock { $0 = change }
            } catch {
                end(with: Refusal.write(error, path: "batch"))
            }
        }
    }

    /// Puts the call on record once it is over and the writer is done with its batches.
    @Sendable func putOnRecord(_ code: RPCStatus.Code) {
        queue.async { [self] in
            intake.inTurn { [self] in
                // Not on the writer, for whom others wait.
                queue.async { [self] in
                    if let change = noted.withLock({ $0 }) { audit.endChange(change, code: code) }
                    openStreams.leave()
                }
            }
        }
    }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        let held = message.count * Self.bytesHeldPerByte
        writer.hold(held)
        let full = state.withLock { state in
            state.underWay += 1
            state.bytes += message.count
            return !hasRoom(state)
        }
        if full { writer.pauseReading() }
        queue.async { [self] in
            let batch = HeldBatch(bytes: held, writer: writer)
            // A client that cancelled wants nothing more accepted; what is already with the writer stays accepted.
            guard !state.withLock({ $0.ended }) else { return }
            intake.accept(message, by: grant) { [self, batch] answer in
                batch.letGo()
                switch answer {
                case .success(let response):
                    state.withLock { $0.backlog.append(Answer(response: response, size: message.count)) }
                    send()
                case .failure(let status): end(with: status)
                }
            }
        }
    }

    func halfClosed() throws(RPCStatus) {
        state.withLock { $0.halfClosed = true }
        send()
    }

    func cancelled(_ status: RPCStatus?) {
        state.withLock { state in
            state.ended = true
            state.backlog = []
        }
    }

    func writable() {
        send()
    }

    func draining() {
        state.withLock { $0.ended = true }
        queue.async { [self] in
            intake.inTurn { [self] in end(with: Refusal.shuttingDown) }
        }
    }

    /// Takes no more batches and ends the call behind the answers there are. The first status counts.
    private func end(with status: RPCStatus) {
        state.withLock { state in
            state.ended = true
            state.status = state.status ?? status
        }
        send()
    }

    /// Gives the writer what it takes, and ends the call or lets the peer send more when it is time.
    private func send() {
        // Under the lock, so that an answer that found no room is in the backlog before the writer says it has some.
        let step = state.withLock { state -> Step in
            var sent = 0
            for answer in state.backlog {
                if case .full = writer.send(answer.response) { break }
                state.underWay -= 1
                state.bytes -= answer.size
                sent += 1
            }
            state.backlog.removeFirst(sent)
            if state.backlog.isEmpty {
                if let status = state.status { return .finish(status) }
                if state.underWay == 0, state.halfClosed { return .finish(.ok) }
            }
            return sent > 0 && hasRoom(state) ? .resume : .wait
        }
        switch step {
        case .finish(let status): writer.finish(status)
        case .resume: writer.resumeReading()
        case .wait: break
        }
    }

    /// While memory is short, one batch at a time.
    private func hasRoom(_ state: State) -> Bool {
        state.underWay == 0
            || state.underWay < Self.maximumUnderWay && state.bytes < Self.maximumBytesUnderWay && !writer.isMemoryShort
    }
}

/// The memory of one batch under way, counted until it is answered or dropped.
private final class HeldBatch: Sendable {
    private let bytes: Mutex<Int>
    private let writer: StreamWriter

    init(bytes: Int, writer: StreamWriter) {
        self.bytes = Mutex(bytes)
        self.writer = writer
    }

    func letGo() {
        let held = bytes.withLock { bytes in
            defer { bytes = 0 }
            return bytes
        }
        if held > 0 { writer.hold(-held) }
    }

    deinit { letGo() }
}
