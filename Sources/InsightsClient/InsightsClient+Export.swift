import GRPCCore
import InsightsAPI

extension InsightsClient {
    /// Streams an export. When the connection is cut, the stream is opened again after the last message received, up
    /// to `attempts` times without progress in between; the receiver notices nothing.
    public func exportInsights(
        _ request: PBExportInsightsRequest, attempts: Int = 5,
        onMessage: @escaping @Sendable (PBExportInsightsResponse) async throws -> Void
    ) async throws {
        let position = ResumePosition(request.resumeToken)
        var schedule = RetrySchedule(isRepeatable: true, attempts: attempts)
        while true {
            var current = request
            current.resumeToken = position.token
            do {
                try await insights.exportInsights(current, metadata: metadata, options: streaming) { response in
                    for try await message in response.messages {
                        try await onMessage(message)
                        position.advance(to: message.resumeToken)
                    }
                }
                return
            } catch let error as RPCError where error.code == .unavailable {
                if position.takeProgress() { schedule.madeProgress() }
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
