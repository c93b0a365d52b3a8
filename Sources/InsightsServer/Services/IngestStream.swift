import Dispatch
import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Synchronization
import Tenancy

/// One `Ingest` call. The event loop only hands bytes over; decoding and validation run on a queue of this stream's
/// own, and the fact writer commits. Batches are answered in the order in which they came.
final class IngestStream: MessageReceiver, Sendable {
    private struct State {
        /// Batches received and not answered.
        var underWay = 0
        var halfClosed = false
        var ended = false
        /// Bytes of those batches.
        var bytes = 0
    }

    private let service: IngestService
    private let grant: OperatorGrant
    private let writer: StreamWriter
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "ingest-stream")

    /// Batches and bytes that one stream may have under way before its peer is made to wait.
    private static let maximumUnderWay = 4
    private static let maximumBytesUnderWay = 16 << 20

    init(service: IngestService, grant: OperatorGrant, writer: StreamWriter) {
        self.service = service
        self.grant = grant
        self.writer = writer
    }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        let full = state.withLock { state in
            state.underWay += 1
            state.bytes += message.count
            return state.underWay >= Self.maximumUnderWay || state.bytes >= Self.maximumBytesUnderWay
        }
        if full { writer.pauseReading() }
        queue.async { [self] in
            // A client that cancelled wants nothing more accepted; what is already with the writer stays accepted.
            guard !state.withLock({ $0.ended }) else { return }
            service.accept(message, by: grant) { [self] answer in
                finish(answer, size: message.count)
            }
        }
    }

    func halfClosed() throws(RPCStatus) {
        let done = state.withLock { state in
            state.halfClosed = true
            return state.underWay == 0
        }
        if done { writer.finish(.ok) }
    }

    func cancelled(_ status: RPCStatus?) {
        state.withLock { $0.ended = true }
    }

    func draining() {
        let done = state.withLock { state in
            state.ended = true
            return state.underWay == 0
        }
        if done { writer.finish(Refusal.shuttingDown) }
        // Else the batches that the writer has are answered first.
        queue.async { [self] in
            if state.withLock({ $0.underWay > 0 }) {
                service.afterWriter { [self] in writer.finish(Refusal.shuttingDown) }
            }
        }
    }

    private func finish(_ answer: Result<[UInt8], RPCStatus>, size: Int) {
        switch answer {
        case .success(let response):
            _ = writer.send(response)
        case .failure(let status):
            state.withLock { $0.ended = true }
            writer.finish(status)
            return
        }
        let (resume, done) = state.withLock { state in
            state.underWay -= 1
            state.bytes -= size
            return (
                state.underWay < Self.maximumUnderWay && state.bytes < Self.maximumBytesUnderWay,
                state.underWay == 0 && state.halfClosed
            )
        }
        if done {
            writer.finish(.ok)
        } else if resume {
            writer.resumeReading()
        }
    }
}
