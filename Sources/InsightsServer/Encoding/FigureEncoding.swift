import InsightsAPI
import InsightsCore
import LicenseModel
import Tenancy

extension LicenseReach {
    /// Number of `partner.insights.v1.LicenseScope`.
    var scopeNumber: Int { self == .own ? 1 : 2 }
}

/// What every `UsageFigures` of one day ends with: its window as wire format, made once per reply.
struct UsageWindow {
    /// Fields `window_start` and `window_end`: 24 bytes.
    fileprivate let encoded: [UInt8]

    init(endingOn day: Day) {
        let length: [UInt8] = [10]
        encoded = [6 << 3 | 2] + length + day.windowStart.text + [7 << 3 | 2] + length + day.text
    }
}

extension WireBytes {
    /// A field with presence.
    @inline(__always)
    fileprivate static func int64(_ field: UInt8, _ value: Int64, to output: inout OutputSpan<UInt8>) {
        output.append(field << 3)
        varint(UInt64(bitPattern: value), to: &output)
    }

    /// A field that is left out when 0.
    @inline(__always)
    fileprivate static func nonZero(_ field: UInt8, _ value: Int64, to output: inout OutputSpan<UInt8>) {
        if value != 0 { int64(field, value, to: &output) }
    }

    /// A `Ratio`: at most 33 bytes and two in front, so the length is one byte.
    fileprivate static func ratio(_ field: UInt8, _ ratio: RatioFigure, to output: inout OutputSpan<UInt8>) {
        output.append(field << 3 | 2)
        let start = output.count
        output.append(0)
        int64(1, Int64(ratio.definition.rawValue), to: &output)
        nonZero(2, ratio.numerator, to: &output)
        nonZero(3, ratio.denominator, to: &output)
        if let percent = ratio.percent {
            output.append(4 << 3 | 1)
            fixed64(percent.bitPattern, to: &output)
        }
        output[start] = UInt8(truncatingIfNeeded: output.count - start - 1)
    }
}

extension WireWriter {
    /// `LicenseFigures`: at most 125 bytes (eight varints of 11, two, and a ratio of 35), so the length is one byte.
    mutating func licenseFigures(_ field: UInt8, _ row: LicenseRow) {
        group(capacity: 127) { output in
            output.append(field << 3 | 2)
            let start = output.count
            output.append(0)
            if row.showsSubscriptions {
                WireBytes.int64(1, row.sold, to: &output)
                WireBytes.int64(2, row.entitled, to: &output)
                WireBytes.int64(3, row.trial, to: &output)
                WireBytes.int64(4, row.uncounted, to: &output)
            }
            if let ratio = row.deployment, let isExact = row.isExact {
                WireBytes.int64(5, row.assigned, to: &output)
                WireBytes.int64(6, row.assignedUnsold, to: &output)
                WireBytes.int64(7, row.assignedLower, to: &output)
                WireBytes.int64(8, row.assignedUpper, to: &output)
                WireBytes.int64(9, isExact ? 1 : 2, to: &output)
                WireBytes.ratio(10, ratio, to: &output)
            }
            output[start] = UInt8(truncatingIfNeeded: output.count - start - 1)
        }
    }

    /// `UsageFigures`: at most 127 bytes (three varints of 11, two ratios of 35 and the window), so the length is one
    /// byte. Nothing when activity is not reported.
    mutating func usageFigures(_ field: UInt8, _ row: UsageRow, _ window: borrowing UsageWindow) {
        guard row.activityReported else { return }
        group(capacity: 129) { output in
            output.append(field << 3 | 2)
            let start = output.count
            output.append(0)
            WireBytes.nonZero(1, row.active, to: &output)
            if let usage = row.usage, let usagePerEntitlement = row.usagePerEntitlement {
                WireBytes.int64(2, row.totalUsers, to: &output)
                WireBytes.int64(3, row.entitlements, to: &output)
                WireBytes.ratio(4, usage, to: &output)
                WireBytes.ratio(5, usagePerEntitlement, to: &output)
            }
            for byte in window.encoded { output.append(byte) }
            output[start] = UInt8(truncatingIfNeeded: output.count - start - 1)
        }
    }

    /// `Freshness`: the three sources in the order of the enum, seen from `day`.
    mutating func freshness(_ field: Int, _ coverage: CoverageRow, on day: Day) {
        let mark = begin(field, expecting: 52)
        sourceCoverage(1, .subscriptions, through: coverage.subscriptions, on: day)
        sourceCoverage(1, .assignments, through: coverage.assignments, on: day)
        sourceCoverage(1, .activity, through: coverage.activity, on: day)
        end(mark)
    }

    private mutating func sourceCoverage(_ field: Int, _ source: Source, through: Day?, on day: Day) {
        let mark = begin(field)
        enumeration(1, Int(source.rawValue))
        enumeration(2, CoverageStatus(through: through, on: day).rawValue)
        if let through { self.day(3, through) }
        end(mark)
    }

    /// A day as `YYYY-MM-DD`.
    mutating func day(_ field: Int, _ day: Day) {
        bytes(field, day.text)
    }
}

/// How far a source has reported (ruling 8). Numbers of `partner.insights.v1.CoverageStatus`.
enum CoverageStatus: Int, Sendable {
    case reported = 1
    case lagging = 2
    case notReported = 3

    init(through: Day?, on day: Day) {
        guard let through else {
            self = .notReported
            return
        }
        self = through >= day ? .reported : .lagging
    }
}
