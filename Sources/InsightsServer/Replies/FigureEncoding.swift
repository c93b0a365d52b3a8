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
    /// Fields `window_start` and `window_end`, 24 bytes, little-endian.
    fileprivate let words: (UInt64, UInt64, UInt64)

    init(endingOn day: Day) {
        let (start, end) = (DayText(day.windowStart), DayText(day))
        // Tag, length and six bytes of the first day; its last four with tag, length and two bytes of the second.
        words.0 = 6 << 3 | 2 | 10 << 8 | start.first << 16
        words.1 = start.first >> 48 | start.last << 16 | (7 << 3 | 2) << 32 | 10 << 40 | end.first << 48
        words.2 = end.first >> 16 | end.last << 48
    }
}

/// `YYYY-MM-DD` in two words, little-endian: the same text as `Day.text` without an array.
struct DayText {
    /// The first eight bytes, `YYYY-MM-`.
    let first: UInt64
    /// The last two in the low bits.
    let last: UInt64

    init(_ day: Day) {
        let (year, month, day) = day.civil
        func digits(_ value: Int) -> UInt64 {
            // Two digits, the tens in the lower byte.
            let value = UInt64(truncatingIfNeeded: value)
            return 0x3030 + value / 10 + (value % 10) << 8
        }
        let dash = UInt64(UInt8(ascii: "-"))
        first = digits(year / 100) | digits(year % 100) << 16 | dash << 32 | digits(month) << 40 | dash << 56
        last = digits(day)
    }
}

extension WireBytes {
    /// A field that is left out when 0.
    @inline(__always)
    fileprivate static func nonZero(
        _ field: UInt8, _ value: Int64, to raw: inout MutableRawSpan, at position: inout Int
    ) {
        if value != 0 { int64(field, value, to: &raw, at: &position) }
    }

    /// A day behind its tag: length and text.
    @inline(__always)
    fileprivate static func day(_ text: DayText, to raw: inout MutableRawSpan, at position: inout Int) {
        byte(10, to: &raw, at: &position)
        fixed64(text.first, to: &raw, at: &position)
        raw.storeBytes(
            of: UInt16(truncatingIfNeeded: text.last).littleEndian, toByteOffset: position, as: UInt16.self)
        position += 2
    }

    /// The tag of a message whose length is nearly always one byte, and room for that. Returns where the content
    /// starts.
    @inline(__always)
    static func beginShort(_ field: UInt8, to raw: inout MutableRawSpan, at position: inout Int) -> Int {
        byte(field << 3 | 2, to: &raw, at: &position)
        position &+= 1
        return position
    }

    @inline(__always)
    static func endShort(_ start: Int, to raw: inout MutableRawSpan, at position: inout Int) {
        let length = position &- start
        if length < 0x80 {
            raw.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: start &- 1, as: UInt8.self)
        } else {
            endLong(start, to: &raw, at: &position)
        }
    }

    /// Moves the content on, to make room for a longer length.
    @inline(never)
    private static func endLong(_ start: Int, to raw: inout MutableRawSpan, at position: inout Int) {
        let length = UInt64(position - start)
        let distance = varintWidth(length) - 1
        for offset in (start..<position).reversed() {
            // Checked against the bounds of `raw`, like the store.
            let byte = raw.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            raw.storeBytes(of: byte, toByteOffset: offset + distance, as: UInt8.self)
        }
        position += distance
        var head = start - 1
        varint(length, to: &raw, at: &head)
    }

    @inline(__always)
    fileprivate static func ratio(
        _ field: UInt8, _ ratio: RatioFigure, to raw: inout MutableRawSpan, at position: inout Int
    ) {
        let start = beginShort(field, to: &raw, at: &position)
        int64(1, Int64(ratio.definition.rawValue), to: &raw, at: &position)
        nonZero(2, ratio.numerator, to: &raw, at: &position)
        nonZero(3, ratio.denominator, to: &raw, at: &position)
        if let percent = ratio.percent {
            byte(4 << 3 | 1, to: &raw, at: &position)
            fixed64(percent.bitPattern, to: &raw, at: &position)
        }
        endShort(start, to: &raw, at: &position)
    }
}

/// The most bytes that figures can take on the wire; room is made for so many before they are written.
enum FigureSize {
    /// Tag and length of a message of figures.
    static var head: Int { 3 }
    /// A count with its tag.
    static var count: Int { 1 + WireBytes.maximumVarint }
    /// An enum value with its tag.
    static var enumeration: Int { 2 }
    /// Two counts and a percentage, with tag and length.
    static var ratio: Int { 2 + enumeration + 2 * count + 9 }
    /// Eight counts, the attribution and deployment.
    static var licenses: Int { 8 * count + enumeration + ratio }
    /// Three counts, two ratios and both days of the window.
    static var usage: Int { 3 * count + 2 * ratio + 2 * 12 }
    /// A code of up to five characters, a status and a day, with tag and length.
    static var workloadCoverage: Int { 2 + 7 + enumeration + 12 }
}

extension WireWriter {
    /// `LicenseFigures`.
    mutating func licenseFigures(_ field: UInt8, _ row: LicenseRow) {
        put(FigureSize.head + FigureSize.licenses) { raw, position in
            let start = WireBytes.beginShort(field, to: &raw, at: &position)
            if row.reported.tellSold {
                WireBytes.int64(1, row.sold, to: &raw, at: &position)
                WireBytes.int64(2, row.entitled, to: &raw, at: &position)
                WireBytes.int64(3, row.trial, to: &raw, at: &position)
                WireBytes.int64(4, row.uncounted, to: &raw, at: &position)
            }
            if let deployment = row.deployment {
                WireBytes.int64(5, row.assigned, to: &raw, at: &position)
                WireBytes.int64(6, row.assignedUnsold, to: &raw, at: &position)
                WireBytes.int64(7, row.assignedLower, to: &raw, at: &position)
                WireBytes.int64(8, row.assignedUpper, to: &raw, at: &position)
                WireBytes.int64(9, row.isExact ? 1 : 2, to: &raw, at: &position)
                WireBytes.ratio(10, deployment, to: &raw, at: &position)
            }
            WireBytes.endShort(start, to: &raw, at: &position)
        }
    }

    /// `UsageFigures`. Nothing when activity is not reported for the workload or product.
    mutating func usageFigures(_ field: UInt8, _ row: UsageRow, _ window: UsageWindow) {
        guard row.reported.tellActive else { return }
        put(FigureSize.head + FigureSize.usage) { raw, position in
            let start = WireBytes.beginShort(field, to: &raw, at: &position)
            WireBytes.nonZero(1, row.active, to: &raw, at: &position)
            if let usage = row.usage, let usagePerEntitlement = row.usagePerEntitlement {
                WireBytes.int64(2, row.totalUsers, to: &raw, at: &position)
                WireBytes.int64(3, row.entitlements, to: &raw, at: &position)
                WireBytes.ratio(4, usage, to: &raw, at: &position)
                WireBytes.ratio(5, usagePerEntitlement, to: &raw, at: &position)
            }
            WireBytes.fixed64(window.words.0, to: &raw, at: &position)
            WireBytes.fixed64(window.words.1, to: &raw, at: &position)
            WireBytes.fixed64(window.words.2, to: &raw, at: &position)
            WireBytes.endShort(start, to: &raw, at: &position)
        }
    }

    /// `Freshness`: the sources in the order of the enum and the workloads in that of their codes, seen from `day`.
    mutating func freshness(_ field: Int, _ coverage: CoverageRow, on day: Day) {
        let mark = begin(field, expecting: coverage.activity == nil ? 52 : 200)
        sourceCoverage(1, .subscriptions, through: coverage.subscriptions, on: day)
        sourceCoverage(1, .assignments, through: coverage.assignments, on: day)
        sourceCoverage(1, .activity, through: coverage.activity, on: day)
        if coverage.activity != nil { workloadCoverages(2, coverage, on: day) }
        end(mark)
    }

    /// `WorkloadCoverage`, one for each workload.
    private mutating func workloadCoverages(_ field: UInt8, _ coverage: CoverageRow, on day: Day) {
        // Few days are different.
        var last: (day: Day, text: DayText)?
        put(Workload.count * FigureSize.workloadCoverage) { raw, position in
            for workload in Workload.allCases {
                let start = WireBytes.beginShort(field, to: &raw, at: &position)
                let code = workload.code.utf8
                WireBytes.byte(1 << 3 | 2, to: &raw, at: &position)
                WireBytes.byte(UInt8(truncatingIfNeeded: code.count), to: &raw, at: &position)
                for byte in code { WireBytes.byte(byte, to: &raw, at: &position) }
                let through = coverage[workload]
                let status = CoverageStatus(through: through, on: day)
                WireBytes.int64(2, Int64(status.rawValue), to: &raw, at: &position)
                if let through {
                    let text = last?.day == through ? last?.text ?? DayText(through) : DayText(through)
                    last = (through, text)
                    WireBytes.byte(3 << 3 | 2, to: &raw, at: &position)
                    WireBytes.day(text, to: &raw, at: &position)
                }
                WireBytes.endShort(start, to: &raw, at: &position)
            }
        }
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
        let text = DayText(day)
        put(WireBytes.maximumVarint + 11) { raw, position in
            WireBytes.tag(field, 2, to: &raw, at: &position)
            WireBytes.day(text, to: &raw, at: &position)
        }
    }
}

/// How far a source has reported (definition “Coverage status”). Numbers of `partner.insights.v1.CoverageStatus`.
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
