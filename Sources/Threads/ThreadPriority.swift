import CLinux

/// How the system is to share the processors among the threads of the process: event loops, which have little to do and
/// somebody who waits for it, go before what takes milliseconds.
public enum ThreadPriority {
    /// Of the calling thread: it is run as soon as it has something to do, before threads that are in the middle of a
    /// longer slice of time. Its share of the processors stays as it is. From Linux 6.12 on; before, nothing changes.
    public static func preferLatency() { engine_prefer_latency(100_000) }

    /// Of the calling thread: it takes no processor away from a thread that wakes it, and has a third of the share of
    /// others where all are busy.
    public static func preferThroughput() { engine_prefer_throughput(5) }
}
