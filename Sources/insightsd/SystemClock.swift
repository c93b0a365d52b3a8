import Glibc
import InsightsServer

extension ServerClock {
    /// The machine's clocks, for engine and services. Log lines read the time of day by themselves: `Timestamp.now`.
    static let system = ServerClock(
        unixSeconds: { Int64(read(CLOCK_REALTIME).tv_sec) },
        monotonicNanoseconds: { nanoseconds(CLOCK_MONOTONIC) },
        sleeplessNanoseconds: { nanoseconds(CLOCK_BOOTTIME) })

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        let time = read(clock)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
