import Foundation
import InsightsAPI

/// Figures as text for people. An absent figure is never a zero.
enum NumberText {
    static let notReported = "not reported"
    /// A ratio without a denominator.
    static let none = "–"

    /// With thousands separators.
    static func count(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    static func count(_ value: Int64?) -> String {
        value.map { count($0) } ?? notReported
    }

    /// `1 row`, `2,000 rows`.
    static func count(_ value: Int, _ one: String, _ many: String) -> String {
        "\(count(Int64(value))) \(value == 1 ? one : many)"
    }

    /// The percentage of two counts that no reply has together; nil when either is absent and of nothing.
    static func share(_ part: Int64?, of whole: Int64?) -> Double? {
        guard let part, let whole, whole > 0 else { return nil }
        return 100 * Double(part) / Double(whole)
    }

    /// One decimal, with thousands separators before it.
    static func percent(_ value: Double?) -> String {
        guard let value, value.isFinite, abs(value) < 1e15 else { return none }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(count(Int64(tenths.magnitude / 10))).\(tenths.magnitude % 10) %"
    }

    static func percent(_ figure: PBRatio?) -> String {
        guard let figure else { return notReported }
        return percent(figure.hasPercent ? figure.percent : nil)
    }

    /// `~13 (13–14)` where the own share is estimated between bounds.
    static func assigned(_ licenses: PBLicenseFigures) -> String {
        guard licenses.hasAssigned else { return notReported }
        guard licenses.attribution == .estimated else { return count(licenses.assigned) }
        let text = "~\(count(licenses.assigned))"
        guard licenses.hasAssignedLower, licenses.hasAssignedUpper else { return text }
        return "\(text) (\(count(licenses.assignedLower))–\(count(licenses.assignedUpper)))"
    }

    static func deployment(_ licenses: PBLicenseFigures) -> String {
        guard licenses.hasDeployment else { return notReported }
        let text = percent(licenses.deployment)
        return licenses.attribution == .estimated && licenses.deployment.hasPercent ? "~\(text)" : text
    }

    /// Unrounded with a point, for machines; empty when absent.
    static func machine(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

    static func machine(_ value: Int64?) -> String { value.map { "\($0)" } ?? "" }
}

/// A percentage as a bar of ten cells, with a mark when it goes on.
enum BarText {
    static func bar(_ percent: Double?, screen: Screen) -> String {
        guard screen.isTerminal, let percent, percent.isFinite else { return "" }
        let cells = 10
        let eighths = Int((min(max(percent, 0), 100) / 100 * Double(cells * 8)).rounded())
        guard screen.isUnicode else {
            let full = (eighths + 4) / 8
            return String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
                + (percent > 100 ? ">" : "")
        }
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        let full = eighths / 8
        let part = parts[eighths % 8]
        let rest = cells - full - (part.isEmpty ? 0 : 1)
        return String(repeating: "█", count: full) + part + String(repeating: "░", count: rest)
            + (percent > 100 ? "▶" : "")
    }
}
