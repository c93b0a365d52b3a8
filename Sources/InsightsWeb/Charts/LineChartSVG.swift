/// Lines over days, as SVG that scales with the page: places are shares of the plot, so text stays as large as the
/// page's. Where a figure is absent a line has a gap, and no line is held down at 100 %.
struct LineChartSVG: Sendable {
    struct Point: Sendable {
        /// Nil where there is none: a gap.
        var value: Double?
        /// As the table says it, whether there is a value or not.
        var text: String
        /// Between which the value lies for certain, where it is an estimate.
        var bounds: (lower: Double, upper: Double)?
    }

    struct Series: Sendable {
        var name: String
        var points: [Point]
    }

    /// No other chart of the page has it.
    let id: String
    let title: String
    /// What is seen, in a sentence.
    let summary: String
    /// One per point, as the language writes them.
    let days: [String]
    let series: [Series]
    let isPercent: Bool
    let numerals: Numerals

    /// Points of a series, as many as the API gives days, and series, as many as can be told apart.
    static let mostPoints = 400
    static let mostSeries = 8

    private var shownDays: ArraySlice<String> { days.suffix(Self.mostPoints) }
    private var shownSeries: ArraySlice<Series> { series.prefix(Self.mostSeries) }
    private var scale: ChartScale {
        ChartScale(
            shownSeries.flatMap {
                $0.points.suffix(Self.mostPoints).flatMap { [$0.value, $0.bounds?.upper] }.compactMap(\.self)
            },
            isPercent: isPercent)
    }

    func svg() -> HTML { svg(scale) }

    private func svg(_ scale: ChartScale) -> HTML {
        var html = HTML()
        html.put(
            .svg, .class("lines"), .role("img"), .with("aria-labelledby", "\(id)-t \(id)-d"), .with("width", "100%"),
            .with("height", "220"), .with("overflow", "visible"), .with("data-points", "\(shownDays.count)")
        ) { html in
            html.put(.title, .id("\(id)-t"), text: title)
            html.put(.desc, .id("\(id)-d"), text: summary)
            axes(&html, scale)
            html.put(
                .svg, .with("viewBox", "0 0 1000 1000"), .with("preserveAspectRatio", "none"), .with("width", "100%"),
                .with("height", "100%"), .with("overflow", "visible")
            ) { html in
                for (index, line) in shownSeries.enumerated() {
                    for band in bands(line.points.suffix(Self.mostPoints), scale) {
                        html.put(
                            .path, .class("band s\(index + 1)"), .with("d", band),
                            .with("vector-effect", "non-scaling-stroke"))
                    }
                    let path = path(line.points.suffix(Self.mostPoints).map(\.value), scale)
                    guard !path.isEmpty else { continue }
                    html.put(
                        .path, .class("s\(index + 1)"), .with("d", path), .with("vector-effect", "non-scaling-stroke"))
                }
            }
        }
        return html
    }

    private func axes(_ html: inout HTML, _ scale: ChartScale) {
        for tick in scale.ticks {
            let height = scale.height(of: tick)
            let isBand = scale.bandTop != nil && tick >= scale.stepsTop
            html.put(
                .line, .class(isBand ? "grid band" : isPercent && tick == 100 ? "grid full" : "grid"), .with("x1", "0"),
                .with("x2", "100%"),
                .share("y1", height), .share("y2", height))
            let label = isPercent ? numerals.wholePercent(tick) : numerals.count(Int64(exactly: tick) ?? 0)
            html.put(.text, .class("y"), .with("x", "-8"), .share("y", height), .with("dy", "4"), text: label)
        }
        let count = shownDays.count
        guard count > 0 else { return }
        let quarters = count < 5 ? Array(0..<count) : (0...4).map { $0 * (count - 1) / 4 }
        for (order, index) in quarters.enumerated() {
            let side = count == 1 ? "" : index == 0 ? " first" : index == count - 1 ? " last" : ""
            html.put(
                .text, .class(order % 2 == 1 && index != count - 1 ? "x minor" : "x" + side),
                .share("x", place(of: index, count) / 10), .with("y", "100%"), .with("dy", "20"),
                text: shownDays[shownDays.startIndex + index])
        }
    }

    /// From 0 to 1000; a single one in the middle.
    private func place(of index: Int, _ count: Int) -> Double {
        count == 1 ? 500 : 1000 * Double(index) / Double(count - 1)
    }

    /// A run of values is a line, a lone one a dot.
    private func path(_ values: [Double?], _ scale: ChartScale) -> String {
        var path = ""
        var length = 0
        func end() {
            if length == 1 { path += "h.01" }
            length = 0
        }
        for (index, value) in values.enumerated() {
            guard let value, value.isFinite else {
                end()
                continue
            }
            let x = Decimal.text(place(of: index, values.count), decimals: 1)
            let y = Decimal.text(10 * scale.height(of: value), decimals: 1)
            path += length == 0 ? "M\(x) \(y)" : "L\(x) \(y)"
            length += 1
        }
        end()
        return path
    }

    /// What lies between the bounds, for each run of estimates.
    private func bands(_ points: ArraySlice<Point>, _ scale: ChartScale) -> [String] {
        var bands: [String] = []
        var (upper, lower): ([String], [String]) = ([], [])
        func end() {
            if !upper.isEmpty { bands.append("M" + (upper + lower.reversed()).joined(separator: "L") + "Z") }
            (upper, lower) = ([], [])
        }
        for (index, point) in points.enumerated() {
            guard let bounds = point.bounds, bounds.lower.isFinite, bounds.upper.isFinite else {
                end()
                continue
            }
            let x = Decimal.text(place(of: index, points.count), decimals: 1)
            upper.append("\(x) \(Decimal.text(10 * scale.height(of: bounds.upper), decimals: 1))")
            lower.append("\(x) \(Decimal.text(10 * scale.height(of: bounds.lower), decimals: 1))")
        }
        end()
        return bands
    }

    // MARK: With its legend and its numbers

    func figure(_ words: any Words) -> HTML {
        var html = HTML()
        let scale = scale
        html.put(.figure, .class("chart")) { html in
            html.put(.figcaption) { html in
                html.put(.span, .class("chart-title"), text: title)
                html.put(.ul, .class("legend")) { html in
                    for (index, line) in shownSeries.enumerated() { legend(&html, index, line, words) }
                }
            }
            if shownSeries.contains(where: { $0.points.contains { $0.value != nil } }) {
                html.put(.div, .class("plot")) { $0.add(svg(scale)) }
                if let top = scale.bandTop {
                    html.put(
                        .p, .class("note"),
                        text: words.axisChanges(numerals.wholePercent(scale.stepsTop), numerals.wholePercent(top)))
                }
            } else {
                // Of nothing there is no percentage, and that is reported.
                let isReported = shownSeries.contains { $0.points.contains { $0.text != words.notReported } }
                html.put(.p, .class("nothing"), text: isReported ? words.noFigures.capitalizedFirst : words.noTrend)
            }
            html.put(.details, .id("\(id)-numbers")) { html in
                html.put(.summary, text: words.numbersOfChart)
                html.put(.div, .class("scroll"), .with("tabindex", "0"), .role("region"), .label(title)) {
                    table(&$0, words)
                }
            }
        }
        return html
    }

    private func legend(_ html: inout HTML, _ index: Int, _ line: Series, _ words: any Words) {
        html.put(.li) { html in
            html.put(.svg, .class("key"), .with("width", "28"), .with("height", "10"), .hidden) { html in
                html.put(
                    .path, .class("s\(index + 1)"), .with("d", "M1 5H27"))
            }
            html.put(.span, text: line.name)
            let isEmpty = line.points.allSatisfy { $0.value == nil }
            if isEmpty { html.put(.span, .class("nr"), text: words.noFigures) }
        }
    }

    private func table(_ html: inout HTML, _ words: any Words) {
        html.put(.table, .class("numbers")) { html in
            html.put(.caption, .class("off"), text: title)
            html.put(.thead) { html in
                html.put(.tr) { html in
                    html.put(.th, .scope("col"), text: words.day)
                    for line in shownSeries { html.put(.th, .scope("col"), .class("n"), text: line.name) }
                }
            }
            html.put(.tbody) { html in
                let days = Array(shownDays)
                let columns = shownSeries.map { Array($0.points.suffix(Self.mostPoints)) }
                for (row, day) in days.enumerated() {
                    html.put(.tr) { html in
                        html.put(.th, .scope("row"), text: day)
                        for column in columns {
                            let text = row < column.count ? column[row].text : words.notReported
                            html.put(.td, .class("n"), text: text)
                        }
                    }
                }
            }
        }
    }
}
