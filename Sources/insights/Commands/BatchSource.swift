import Dispatch
import Foundation
import ImportFormats
import InsightsAPI
import Synchronization

/// Turns the parser, which pushes, into a source that is pulled: the parser runs on a thread of its own and waits when
/// two batches are ready, so that memory does not grow with the file.
final class BatchSource: Sendable {
    private struct State {
        var isStarted = false
        var isStopped = false
        /// Origins of the latest batches, to name the row of a refused fact.
        var origins: [(batchID: String, origins: [FactOrigin])] = []
    }

    private struct Stopped: Error {}

    private static let ready = 2
    /// More than can be unanswered at once.
    private static let remembered = 8

    private let plan: ImportPlan
    private let inspection: ImportInspection
    /// Made with nothing, and filled: a semaphore that goes with less than it was made with ends the process, and an
    /// import that fails leaves batches in it.
    private let room = DispatchSemaphore(value: 0)
    private let state = Mutex(State())
    private let batches: AsyncThrowingStream<ImportBatch, any Error>
    private let continuation: AsyncThrowingStream<ImportBatch, any Error>.Continuation

    init(plan: ImportPlan, inspection: ImportInspection) {
        self.plan = plan
        self.inspection = inspection
        (batches, continuation) = AsyncThrowingStream.makeStream()
        for _ in 0..<Self.ready { room.signal() }
    }

    /// The next batch; nil after the last.
    func next() async throws -> ImportBatch? {
        if state.withLock({ state in
            defer { state.isStarted = true }
            return !state.isStarted
        }) {
            start()
        }
        var iterator = batches.makeAsyncIterator()
        guard let batch = try await iterator.next() else { return nil }
        room.signal()
        state.withLock { state in
            state.origins.append((batch.request.batchID, batch.origins))
            if state.origins.count > Self.remembered { state.origins.removeFirst() }
        }
        return batch
    }

    /// Lets the parser end early.
    func stop() {
        state.withLock { $0.isStopped = true }
        room.signal()
    }

    func origin(ofFact index: Int, batchID: String) -> FactOrigin? {
        state.withLock { state in
            guard let origins = state.origins.first(where: { $0.batchID == batchID })?.origins,
                origins.indices.contains(index)
            else { return nil }
            return origins[index]
        }
    }

    private func start() {
        Thread.detachNewThread { [self] in
            do {
                try plan.makeBatches(inspection) { [self] batch in
                    room.wait()
                    if state.withLock({ $0.isStopped }) { throw Stopped() }
                    continuation.yield(batch)
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
    }
}
