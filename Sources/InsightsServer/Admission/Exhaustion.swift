import InsightsAPI
import RPCEngine

/// Every RESOURCE_EXHAUSTED: `ErrorInfo` names the limit, `RetryInfo` says when to try again, and the trailer
/// `grpc-retry-pushback-ms` tells the same to stock clients with a retry policy.
extension Refusal {
    private enum Retry {
        case after(milliseconds: Int64)
        /// The same request will not fit as long as the server's settings stay as they are: clients with a retry
        /// policy are told not to repeat it, and the others to leave the settings an hour to change.
        case notTheSame

        var milliseconds: Int64 {
            switch self {
            case .after(let milliseconds): max(milliseconds, 1)
            case .notTheSame: 3_600_000
            }
        }

        /// A negative number means: do not retry.
        var pushback: String {
            switch self {
            case .after: String(milliseconds)
            case .notTheSame: "-1"
            }
        }
    }

    /// - Parameters:
    ///   - limit: the option of `serve`, or a name of its own for a fixed limit.
    ///   - value: the limit's value, in the unit of the documentation's table.
    private static func exhausted(
        _ reason: String, _ message: String, limit: String, value: Int?, _ retry: Retry
    ) -> RPCStatus {
        let details = exhaustionDetails(reason, limit: limit, value: value, retry)
        var status = make(.resourceExhausted, message, details)
        status.trailers = [("grpc-retry-pushback-ms", retry.pushback)]
        return status
    }

    private static func exhaustionDetails(
        _ reason: String, limit: String, value: Int?, _ retry: Retry
    ) -> [StatusDetail] {
        var metadata = ["limit": limit]
        if let value { metadata["value"] = String(value) }
        return [.errorInfo(reason: reason, metadata: metadata), .retryInfo(milliseconds: retry.milliseconds)]
    }

    // MARK: Too fast

    /// - Parameter wait: until the partner's next token is there.
    static func tooManyCalls(_ limit: RateLimit, retryAfterNanoseconds wait: UInt64) -> RPCStatus {
        let milliseconds = Int64(clamping: wait / 1_000_000 + (wait % 1_000_000 > 0 ? 1 : 0))
        return exhausted(
            "RATE_EXCEEDED", "the partner's rate of calls is exceeded", limit: "partner-rate", value: limit.perSecond,
            .after(milliseconds: milliseconds))
    }

    static func tooManyExports(limit: Int) -> RPCStatus {
        exhausted(
            "TOO_MANY_EXPORTS", "the partner has \(limit) exports under way, which is the limit",
            limit: "partner-exports", value: limit, .after(milliseconds: 1_000))
    }

    static func tooManyReads(limit: Int, ofOperator: Bool = false) -> RPCStatus {
        exhausted(
            "TOO_MANY_READS",
            "the \(ofOperator ? "operator" : "partner") has \(limit) long reads waiting, which is the limit",
            limit: "partner-reads", value: limit, .after(milliseconds: 1_000))
    }

    static func tooManyChanges(limit: Int) -> RPCStatus {
        exhausted(
            "TOO_MANY_CHANGES", "\(limit) changes are waiting, which is the limit", limit: "partner-changes",
            value: limit, .after(milliseconds: 1_000))
    }

    static func tooManyWatches(limit: Int) -> RPCStatus {
        exhausted(
            "TOO_MANY_WATCHES", "there are \(limit) health watches, which is the limit", limit: "health-watches",
            value: limit, .after(milliseconds: 10_000))
    }

    static func tooManyInsightsWatches(limit: Int) -> RPCStatus {
        exhausted(
            "TOO_MANY_WATCHES", "the partner has \(limit) watches under way, which is the limit",
            limit: "insights-watches", value: limit, .after(milliseconds: 10_000))
    }

    // MARK: Too much

    /// A limit of the engine.
    static func exceeded(_ exceeded: ExceededLimit) -> RPCStatus {
        switch exceeded.kind {
        case .message:
            exhausted(
                "MESSAGE_TOO_LARGE", exceeded.message, limit: "max-message-bytes", value: exceeded.limit, .notTheSame)
        case .headers:
            exhausted(
                "HEADERS_TOO_LARGE", exceeded.message, limit: "max-header-bytes", value: exceeded.limit, .notTheSame)
        case .connectionBuffer:
            exhausted(
                "CONNECTION_BUFFER_FULL", exceeded.message, limit: "connection-buffer", value: exceeded.limit,
                .after(milliseconds: 1_000))
        case .budget:
            exhausted(
                "MEMORY_BUDGET", exceeded.message, limit: "memory-budget", value: nil, .after(milliseconds: 1_000))
        case .unread:
            exhausted(
                "NOT_READ", exceeded.message, limit: "unread-replies", value: exceeded.limit,
                .after(milliseconds: 1_000))
        case .memory:
            exhausted(
                "OUT_OF_MEMORY", exceeded.message, limit: "memory", value: nil, .after(milliseconds: 10_000))
        }
    }

    /// Details of a receipt whose batch has more facts than a batch may have.
    static func batchTooLarge(limit: Int) -> [StatusDetail] {
        exhaustionDetails("BATCH_TOO_LARGE", limit: "max-batch-facts", value: limit, .notTheSame)
    }

    static let storeFull = exhausted(
        "STORE_FULL", "the store has no room left", limit: "store", value: nil, .after(milliseconds: 60_000))

    static func directoryFull(limit: Int) -> RPCStatus {
        exhausted(
            "DIRECTORY_FULL", "the limit of \(limit) is reached", limit: "directory", value: limit,
            .after(milliseconds: 60_000))
    }
}
