import InsightsAPI
import Synchronization

/// The batches of one ingest that are on their way, across several streams.
final class IngestPipeline: Sendable {
    private struct State {
        var unanswered: [PBIngestRequest] = []
        var permit: AsyncStream<Void>.Continuation?
        var sourceEnded = false
        var hasMoved = false
        var failure: (any Error)?
        var outcome = IngestOutcome()
    }

    private let window: Int
    private let state = Mutex(State())

    init(window: Int) { self.window = window }

    /// Nothing more to do: all is answered, or a batch was refused and the ones behind it are answered.
    var isFinished: Bool {
        state.withLock { $0.unanswered.isEmpty && ($0.sourceEnded || $0.outcome.refusal != nil) }
    }

    var outcome: IngestOutcome { state.withLock { $0.outcome } }
    var sourceFailure: (any Error)? { state.withLock { $0.failure } }

    /// Starts a stream: answers the batches to send first and gives permits for the rest of the window.
    func begin(_ permit: AsyncStream<Void>.Continuation) -> [PBIngestRequest] {
        state.withLock { state in
            state.permit = permit
            if state.outcome.refusal != nil || state.sourceEnded {
                permit.finish()
            } else {
                for _ in 0..<max(0, window - state.unanswered.count) { permit.yield() }
            }
            return state.unanswered
        }
    }

    func push(_ batch: PBIngestRequest) {
        state.withLock { $0.unanswered.append(batch) }
    }

    func endSource() {
        state.withLock { $0.sourceEnded = true }
    }

    func fail(_ error: any Error) {
        state.withLock { $0.failure = error }
    }

    /// Takes a receipt; false when it is not for the oldest unanswered batch.
    func acknowledge(_ receipt: PBIngestResponse) -> Bool {
        state.withLock { state in
            guard state.unanswered.first?.batchID == receipt.batchID else { return false }
            state.unanswered.removeFirst()
            state.hasMoved = true
            if receipt.hasStatus && receipt.status.code != 0 {
                if state.outcome.refusal == nil { state.outcome.refusal = receipt }
                state.permit?.finish()
            } else {
                state.outcome.acceptedBatches += 1
                state.outcome.duplicateBatches += receipt.duplicate ? 1 : 0
                state.outcome.acceptedFacts += receipt.accepted
                state.outcome.revision = max(state.outcome.revision, receipt.revision)
                state.permit?.yield()
            }
            return true
        }
    }

    func streamEnded() {
        state.withLock { $0.permit = nil }
    }

    func takeProgress() -> Bool {
        state.withLock { state in
            defer { state.hasMoved = false }
            return state.hasMoved
        }
    }
}
