import ArgumentParser
import InsightsAPI

/// A figure that can be drawn over time.
enum TrendMetric: String, ExpressibleByArgument, CaseIterable {
    case usage, deployment, sold, assigned, active

    var title: String {
        switch self {
        case .usage: "usage (active users / total users)"
        case .deployment: "deployment (assigned / sold)"
        case .sold: "licenses sold"
        case .assigned: "licenses assigned"
        case .active: "active users"
        }
    }

    var isPercent: Bool { self == .usage || self == .deployment }

    func point(_ point: PBTrendPoint) -> LineChart.Point {
        switch self {
        case .usage: Self.point(point.usage.hasUsage ? point.usage.usage : nil)
        case .deployment: Self.point(point.licenses.hasDeployment ? point.licenses.deployment : nil)
        case .sold: Self.point(point.licenses.hasSold ? point.licenses.sold : nil)
        case .assigned: Self.point(point.licenses.hasAssigned ? point.licenses.assigned : nil)
        case .active: Self.point(point.hasUsage ? point.usage.activeUsers : nil)
        }
    }

    private static func point(_ ratio: PBRatio?) -> LineChart.Point {
        guard let ratio else { return .notReported }
        return ratio.hasPercent ? .value(ratio.percent) : .noValue
    }

    private static func point(_ count: Int64?) -> LineChart.Point {
        count.map { .value(Double($0)) } ?? .notReported
    }

    func text(_ value: Double) -> String {
        isPercent ? NumberText.percent(value) : NumberText.count(Int64(exactly: value.rounded()) ?? .max)
    }
}

extension PBTrendPoint {
    var isIdle: Bool {
        licenses.hasSold && licenses.sold == 0 && licenses.trial == 0 && licenses.uncounted == 0
            && usage.activeUsers == 0
    }
}

/// A trend as charts on a terminal, and as a table elsewhere.
struct TrendView {
    var points: [PBTrendPoint]
    var metrics: [TrendMetric]
    var heading: String
    var screen: Screen
    /// Charts even where the output is no terminal.
    var isChart: Bool

    func text() -> String {
        if points.isEmpty { return "\(heading)\n\nNo points: nothing is reported on these days.\n" }
        if shown.isEmpty { return "\(heading)\n\nNo licenses and no activity on these days.\n" }
        return heading + "\n\n" + (isChart ? charts() : table())
    }

    /// Without products that are reported to be nothing on every day.
    private var shown: [PBTrendPoint] {
        let alive = Set(points.filter { !$0.isIdle }.map(\.product))
        return points.filter { alive.contains($0.product) }
    }

    private func charts() -> String {
        let points = shown
        let products = Array(Set(points.map(\.product))).sorted { $0.rawValue < $1.rawValue }
        return products.flatMap { product in
            let own = points.filter { $0.product == product }
            return metrics.map { metric in
                LineChart(
                    title: "\(product.title) · \(metric.title)", days: own.map(\.date), points: own.map(metric.point),
                    minimumTop: metric.isPercent ? 100 : 1, format: metric.text
                ).text(screen: screen)
            }
        }.joined(separator: "\n")
    }

    private func table() -> String {
        let licenses = [LicenseColumns.sold, LicenseColumns.assigned, LicenseColumns.deployment]
        let usage = [UsageColumns.active, UsageColumns.total, UsageColumns.usage]
        var table = TextTable(
            [.text("Date"), .text("Product")] + licenses.map(\.heading) + usage.map(\.heading))
        for point in shown {
            table.add(
                [point.date, point.product.title] + licenses.texts(point.licenses) + usage.texts(point.reportedUsage))
        }
        return table.text()
    }

    static func rows(_ points: [PBTrendPoint]) -> [[String]] {
        [["date", "product"] + LicenseColumns.all.names() + UsageColumns.all.names()]
            + points.map {
                [$0.date, $0.product.code] + LicenseColumns.all.machine($0.licenses)
                    + UsageColumns.all.machine($0.reportedUsage)
            }
    }
}
