import GRPCCore
import GRPCProtobuf
import RPCTransport

/// Whether and when a call that failed is made again: as the server asks, else after pauses that grow, each with a
/// fifth of chance so that many clients do not come back at once.
struct RetrySchedule {
    /// A server that asks for more is not waited for.
    private static let longestPushback = Duration.seconds(10)
    private static let longestPause = Duration.seconds(5)
    private static let firstPause = Duration.milliseconds(150)

    /// The call changes nothing, or what it changes counts once.
    private let isRepeatable: Bool
    private let attempts: Int
    private var failures = 0

    init(isRepeatable: Bool, attempts: Int) {
        self.isRepeatable = isRepeatable
        self.attempts = attempts
    }

    /// The call has come further than before.
    mutating func madeProgress() { failures = 0 }

    /// How long to wait before the next attempt; nil when there is none.
    mutating func pause(after error: RPCError) -> Duration? {
        failures += 1
        guard failures < attempts else { return nil }
        let pushback = Self.pushback(error)
        switch error.code {
        case .unavailable: guard isRepeatable || error.cause is CallNotProcessed else { return nil }
        // Too many calls; without a word about when there is room again it is no use.
        case .resourceExhausted: guard isRepeatable, case .after = pushback else { return nil }
        default: return nil
        }
        switch pushback {
        case .never: return nil
        case .after(let time): return time <= Self.longestPushback ? time * Double.random(in: 1...1.2) : nil
        case nil:
            let pause = min(Self.firstPause * (1 << min(failures - 1, 8)), Self.longestPause)
            return pause * Double.random(in: 0.8...1.2)
        }
    }

    private enum Pushback {
        case never
        case after(Duration)
    }

    private static func pushback(_ error: RPCError) -> Pushback? {
        if let text = error.metadata[stringValues: "grpc-retry-pushback-ms"].first(where: { _ in true }) {
            // A negative number, or none at all, says not to try again.
            guard let milliseconds = UInt32(text) else { return .never }
            return .after(.milliseconds(Int64(milliseconds)))
        }
        let details = (try? error.unpackGoogleRPCStatus())?.details ?? []
        return details.lazy.compactMap(\.retryInfo).first.map { .after($0.delay) }
    }
}
