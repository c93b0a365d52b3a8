import GRPCCore
import InsightsAPI

/// How an ingest ended.
public struct IngestOutcome: Sendable {
    /// Receipts of accepted batches, those accepted before included.
    public var acceptedBatches = 0
    public var duplicateBatches = 0
    public var acceptedFacts: Int64 = 0
    /// The highest revision of any receipt.
    public var revision: Int64 = 0
    /// The first refusal. Batches after it that were already on their way may have been accepted.
    public var refusal: PBIngestResponse?
}

extension InsightsClient {
    /// Sends batches over one stream with up to `window` of them unanswered. When the connection is cut the unanswered
    /// ones are sent again: the server knows a batch by its id and counts it once. Stops at the first refusal.
    ///
    /// - Parameters:
    ///   - next: The next batch, nil after the last one.
    ///   - onReceipt: Called for every receipt, in order.
    public func ingest(
        window: Int = 4, attempts: Int = 6, next: @escaping @Sendable () async throws -> PBIngestRequest?,
        onReceipt: @escaping @Sendable (PBIngestResponse) -> Void
    ) async throws -> IngestOutcome {
        let pipeline = IngestPipeline(window: max(1, window))
        var schedule = RetrySchedule(isRepeatable: true, attempts: attempts)
        while !pipeline.isFinished {
            do {
                try await runStream(pipeline, next: next, onReceipt: onReceipt)
            } catch let error as RPCError where error.code == .unavailable && pipeline.sourceFailure == nil {
                if pipeline.takeProgress() { schedule.madeProgress() }
                guard let pause = schedule.pause(after: error) else {
                    throw InsightsClientError(error, server: settings.server)
                }
                try await Task.sleep(for: pause)
                continue
            } catch let error as RPCError {
                if let failure = pipeline.sourceFailure { throw failure }
                throw InsightsClientError(error, server: settings.server)
            }
            if let failure = pipeline.sourceFailure { throw failure }
            if !pipeline.isFinished && !pipeline.takeProgress() {
                throw InsightsClientError(code: .unavailable, message: "the server ended the stream without an answer")
            }
        }
        return pipeline.outcome
    }

    private func runStream(
        _ pipeline: IngestPipeline, next: @escaping @Sendable () async throws -> PBIngestRequest?,
        onReceipt: @escaping @Sendable (PBIngestResponse) -> Void
    ) async throws {
        let (permits, permit) = AsyncStream<Void>.makeStream()
        let unanswered = pipeline.begin(permit)
        try await ingestion.ingest(metadata: metadata, options: streaming) { writer in
            for batch in unanswered { try await writer.write(batch) }
            for await _ in permits {
                let batch: PBIngestRequest?
                do {
                    batch = try await next()
                } catch {
                    pipeline.fail(error)
                    throw error
                }
                guard let batch else {
                    pipeline.endSource()
                    return
                }
                pipeline.push(batch)
                try await writer.write(batch)
            }
        } onResponse: { response in
            for try await receipt in response.messages {
                guard pipeline.acknowledge(receipt) else {
                    throw RPCError(code: .internalError, message: "the server answered a batch that was not sent")
                }
                onReceipt(receipt)
            }
        }
        pipeline.streamEnded()
    }
}
