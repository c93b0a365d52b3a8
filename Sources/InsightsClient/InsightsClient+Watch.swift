import GRPCCore
import InsightsAPI
import Synchronization

extension InsightsClient {
    /// Tells of changed customers until the task is cancelled. When the connection is cut, the watch goes on behind the
    /// last message received, up to `attempts` times without a message in between; the receiver notices nothing.
    ///
    /// - Parameter resume: goes on behind this revision; 0 begins now.
    public func watchInsights(
        after resume: UInt64 = 0, attempts: Int = 5,
        onMessage: @escaping @Sendable (PBWatchInsightsResponse) async throws -> Void
    ) async throws {
        let position = Mutex((revision: resume, hasMoved: false))
        var schedule = RetrySchedule(isRepeatable: true, attempts: attempts)
        while true {
            var request = PBWatchInsightsRequest()
            request.resume = position.withLock { $0.revision }
            do {
                try await insights.watchInsights(request, metadata: metadata, options: streaming) { response in
                    for try await message in response.messages {
                        try await onMessage(message)
                        position.withLock { $0 = (message.revision, true) }
                    }
                }
                return
            } catch let error as RPCError where error.code == .unavailable {
                let hasMoved = position.withLock { position in
                    defer { position.hasMoved = false }
                    return position.hasMoved
                }
                if hasMoved { schedule.madeProgress() }
                guard let pause = schedule.pause(after: error) else {
                    throw InsightsClientError(error, server: settings.server)
                }
                try await Task.sleep(for: pause)
            } catch let error as RPCError {
                throw InsightsClientError(error, server: settings.server)
            }
        }
    }
}
