import Glibc
import LicenseModel

/// A point in time as logs write it: RFC 3339, UTC, milliseconds.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// The days that `Day` knows: the years 1970 to 9999, the last that RFC 3339 can write.
    private static let bounds: ClosedRange<Int64> = 0...253_402_300_799_999

    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds; within the years 1970 to 9999.
    package let milliseconds: Int64

    /// Times outside these years become the nearest one within.
    package init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.bounds.lowerBound), Self.bounds.upperBound)
    }

    /// The time of the system's clock.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Of the written form.
    static let byteCount = 24

    /// Appends `byteCount` bytes: `2025-01-31T23:59:59.999Z`.
    package func append(to bytes: inout [UInt8]) {
        let (seconds, thousandths) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let date = Day(unixSeconds: seconds).civil
        let time = Int(seconds % 86_400)
        Self.append(date.year / 100, to: &bytes)
        Self.append(date.year % 100, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Self.append(date.month, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Self.append(date.day, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        Self.append(time / 3_600, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        Self.append(time / 60 % 60, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        Self.append(time % 60, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: thousandths / 100))
        Self.append(Int(thousandths % 100), to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Reads exactly what `append` writes; nil for anything else.
    package init?(text: some Sequence<UInt8>) {
        let bytes = Array(text)
        guard bytes.count == Self.byteCount else { return nil }
        func number(_ range: Range<Int>) -> Int64 {
            bytes[range].reduce(0) { $0 * 10 + Int64($1 &- UInt8(ascii: "0")) }
        }
        guard let day = Day(year: Int(number(0..<4)), month: Int(number(5..<7)), day: Int(number(8..<10))) else {
            return nil
        }
        let seconds = number(11..<13) * 3_600 + number(14..<16) * 60 + number(17..<19)
        self.init(milliseconds: Int64(day.number) * 86_400_000 + seconds * 1_000 + number(20..<23))
        // Reading is lenient about digits, separators and ranges; writing back tells whether it had to be.
        var written: [UInt8] = []
        append(to: &written)
        guard written == bytes else { return nil }
    }

    /// Two digits of a number below 100.
    @inline(__always)
    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10))
        bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
    }
}
