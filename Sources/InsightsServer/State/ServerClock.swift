import LicenseModel

/// Where time comes from; tests bring their own.
package struct ServerClock: Sendable {
    /// Unix time in seconds.
    package let unixSeconds: @Sendable () -> Int64
    /// Nanoseconds of a clock that never goes back.
    package let monotonicNanoseconds: @Sendable () -> UInt64
    /// The same of one that goes on while the machine sleeps.
    package let sleeplessNanoseconds: @Sendable () -> UInt64

    /// - Parameter sleeplessNanoseconds: nil where nothing sleeps.
    package init(
        unixSeconds: @escaping @Sendable () -> Int64, monotonicNanoseconds: @escaping @Sendable () -> UInt64,
        sleeplessNanoseconds: (@Sendable () -> UInt64)? = nil
    ) {
        self.unixSeconds = unixSeconds
        self.monotonicNanoseconds = monotonicNanoseconds
        self.sleeplessNanoseconds = sleeplessNanoseconds ?? monotonicNanoseconds
    }

    /// The UTC day of now.
    func today() -> Day { Day(unixSeconds: unixSeconds()) }
}
