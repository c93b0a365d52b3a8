import InsightsAPI

/// What can be drawn over time.
enum TrendMetric: String, CaseIterable, Sendable {
    case usage, deployment, sold, assigned, active

    var isPercent: Bool { self == .usage || self == .deployment }
    /// Others are of all sellers, whatever is asked.
    var isOfLicenses: Bool { self == .deployment || self == .sold || self == .assigned }

    func point(_ point: PBTrendPoint, _ view: PageView) -> LineChartSVG.Point {
        let licenses = point.hasLicenses ? point.licenses : PBLicenseFigures()
        switch self {
        case .usage: return ratio(point.hasUsage ? point.usage.usageIfTold : nil, view)
        case .deployment:
            var shown = ratio(licenses.deploymentIfTold, view)
            guard let range = view.range(licenses) else { return shown }
            shown.text = "≈ \(shown.text), \(range)"
            shown.bounds = licenses.deploymentBounds
            return shown
        case .sold: return count(licenses.soldIfTold, view)
        case .assigned:
            var shown = count(licenses.assignedIfTold, view)
            guard licenses.hasAssigned, let (lower, upper) = licenses.bounds else { return shown }
            shown.text = "≈ \(shown.text), \(view.numerals.count(lower)) – \(view.numerals.count(upper))"
            shown.bounds = (Double(lower), Double(upper))
            return shown
        case .active: return count(point.hasUsage ? point.usage.activeUsers : nil, view)
        }
    }

    private func ratio(_ ratio: PBRatio?, _ view: PageView) -> LineChartSVG.Point {
        LineChartSVG.Point(
            value: ratio.flatMap { $0.hasPercent ? $0.percent : nil }, text: view.sentence(ratio))
    }

    private func count(_ count: Int64?, _ view: PageView) -> LineChartSVG.Point {
        LineChartSVG.Point(value: count.map(Double.init), text: view.count(count))
    }
}

/// The points of a trend by product, on the same days.
struct TrendSeries: Sendable {
    let days: [String]
    private let points: [PBProduct: [String: PBTrendPoint]]

    init(_ points: [PBTrendPoint]) {
        days = Set(points.map(\.date)).sorted()
        self.points = Dictionary(grouping: points, by: \.product).mapValues { points in
            Dictionary(points.map { ($0.date, $0) }) { $1 }
        }
    }

    /// Products of which anything was ever told that is not zero.
    var products: [PBProduct] {
        [.office365, .dynamics365].filter { product in
            points[product]?.values.contains { !$0.isIdle } ?? false
        }
    }

    func line(_ product: PBProduct, _ metric: TrendMetric, on days: [String], named name: String, _ view: PageView)
        -> LineChartSVG.Series
    {
        let own = points[product] ?? [:]
        return LineChartSVG.Series(
            name: name,
            points: days.map { day in
                own[day].map { metric.point($0, view) } ?? .init(value: nil, text: view.words.notReported)
            })
    }
}

extension PBTrendPoint {
    /// Reported, and nothing.
    fileprivate var isIdle: Bool {
        hasLicenses && licenses.hasSold && licenses.sold == 0 && licenses.trial == 0 && licenses.uncounted == 0
            && (!hasUsage || usage.activeUsers == 0)
    }
}
