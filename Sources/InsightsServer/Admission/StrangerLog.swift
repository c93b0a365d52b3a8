import Logging

/// The lines that anybody can cause without a credential: refused calls, calls that need none, connections. They share
/// one bucket, and what finds no room is summed up in one line when the flood ends, or every minute, so that nobody
/// fills the log. Lines about calls of registered callers do not come here.
package final class StrangerLog: Sendable {
    package static let linesPerSecond = 50
    package static let linesAtOnce = 500

    private let logger: Logger
    private let clock: ServerClock
    private let lines: UnrecordedRefusals

    package init(logger: Logger, clock: ServerClock) {
        self.logger = logger
        self.clock = clock
        lines = UnrecordedRefusals(
            RateLimit(perSecond: Self.linesPerSecond, burst: Self.linesAtOnce) ?? .standard)
    }

    /// A line, if the level is logged and there is room for it.
    package func log(
        _ level: Logger.Level, _ message: Logger.Message, metadata: @autoclosure () -> Logger.Metadata
    ) {
        guard logger.logLevel <= level else { return }
        let now = clock.monotonicNanoseconds()
        guard lines.mayRecord(now: now) else {
            guard lines.count(now: now) else { return }
            return UnrecordedRefusals.later { [weak self] in self?.summarize(atOnce: false) ?? false }
        }
        logger.log(level: level, message, metadata: metadata())
    }

    /// Lines left out since the start.
    var leftOut: UInt64 { lines.total }

    /// Writes how many lines were left out since the last time, if it is time. True when the flood goes on.
    @discardableResult
    package func summarize(atOnce: Bool) -> Bool {
        switch lines.take(now: clock.monotonicNanoseconds(), atOnce: atOnce) {
        case .none: return false
        case .wait: return true
        case .summary(let count):
            logger.warning("lines about strangers left out", metadata: ["lines": .stringConvertible(count)])
            return false
        }
    }
}
