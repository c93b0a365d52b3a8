import Glibc

/// CPU time of this process (user + system, all threads), in nanoseconds.
func processCPU() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Median CPU time of one run, in nanoseconds: at least five samples, each long enough (2 ms) for the clock.
func median<Result>(of body: () -> Result) -> (result: Result, nanoseconds: Double) {
    var start = processCPU()
    var result = body()
    let first = max(processCPU() - start, 1)
    let repetitions = max(1, Int(2_000_000 / first))
    let samples = (0..<(first > 1_000_000_000 ? 5 : 15)).map { _ in
        start = processCPU()
        for _ in 0..<repetitions { result = body() }
        return Double(processCPU() - start) / Double(repetitions)
    }
    return (result, samples.sorted()[samples.count / 2])
}
