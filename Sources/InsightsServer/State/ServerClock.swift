import LicenseModel

/// Where time comes from; tests bring their own.
package struct ServerClock: Sendable {
    /// Unix time in seconds.
    package let unixSeconds: @Sendable () -> Int64
    /// Nanoseconds of a clock that never goes back.
    package let monotonicNanoseconds: @Sendable () -> UInt64

    package init(
        unixSeconds: @escaping @Sendable () -> Int64, monotonicNanoseconds: @escaping @Sendable () -> UInt64
    ) {
        self.unixSeconds = unixSeconds
        self.monotonicNanoseconds = monotonicNanoseconds
    }

    /// The UTC day of now.
    func today() -> Day { Day(unixSeconds: unixSeconds()) }
}
