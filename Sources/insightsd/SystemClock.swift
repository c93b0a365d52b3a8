import Glibc
import InsightsServer

extension ServerClock {
    /// The machine's clocks. The only place where the server reads the time of day.
    static let system = ServerClock(
        unixSeconds: { Int64(read(CLOCK_REALTIME).tv_sec) },
        monotonicNanoseconds: {
            let time = read(CLOCK_MONOTONIC)
            return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
        })

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
