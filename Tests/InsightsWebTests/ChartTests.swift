import Foundation
import Testing

@testable import InsightsWeb

/// Pictures are compared with files in `Golden`; `INSIGHTS_WRITE_GOLDEN=1` writes them anew.
struct ChartTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        var isPercent = true
        let lines: [[Double?]]
        /// Of the first line.
        var bounds: [(Double, Double)?] = []
        var testDescription: String { name }
    }

    static let examples: [Example] = [
        Example(name: "whole", lines: [[10, 20, 40, 80, 60]]),
        Example(name: "gaps", lines: [[10, nil, 30, 40, nil, nil, 55, nil]]),
        Example(name: "one-point", lines: [[42.5]]),
        Example(name: "all-absent", lines: [[nil, nil, nil]]),
        Example(name: "no-points", lines: [[]]),
        Example(name: "above-100", lines: [[90, 133.3, 466.7, 120]]),
        Example(name: "days-400", lines: [fourHundred]),
        Example(name: "eight-lines", lines: eight),
        Example(
            name: "estimate", lines: [[90, 92.9, nil, 60]],
            bounds: [(85, 100), (92.9, 120), nil, (50, 70)]),
        Example(name: "counts", isPercent: false, lines: [[0, 3, 7, 12, 11]]),
        Example(name: "large-counts", isPercent: false, lines: [[1_234_567, 0, 9_876_543]]),
        Example(name: "zeros", isPercent: false, lines: [[0, 0, 0]]),
        Example(name: "few-far-above", lines: [fewFarAbove]),
        Example(name: "not-finite", lines: [[.nan, .infinity, 50, -.infinity]]),
    ]

    private static let fourHundred: [Double?] = (0..<400).map { (day: Int) -> Double? in
        if day % 37 == 0 { return nil }
        return Double(day * 7 % 100)
    }
    private static let fewFarAbove: [Double?] = [2_400, 1_200, 480, 210] + (0..<46).map { Double(70 + $0 % 9) }
    private static let eight: [[Double?]] = (0..<8).map { (line: Int) -> [Double?] in
        (0..<12).map { (day: Int) -> Double? in Double(line * 10 + day) }
    }

    private static func chart(_ example: Example) -> LineChartSVG {
        let numerals = Numerals(language: .english)
        return LineChartSVG(
            id: "c", title: "Usage <&>", summary: "Lines.",
            days: example.lines[0].indices.map { "day \($0 + 1)" },
            series: example.lines.enumerated().map { index, values in
                .init(
                    name: "line \(index + 1)",
                    points: values.enumerated().map { place, value in
                        .init(
                            value: value, text: value.map { numerals.percent($0) } ?? "not reported",
                            bounds: index == 0 && place < example.bounds.count ? example.bounds[place] : nil)
                    })
            }, isPercent: example.isPercent, numerals: numerals)
    }

    @Test(arguments: examples) func picturesAreAsTheyWere(_ example: Example) throws {
        let made = Self.chart(example).svg().text.replacing("><", with: ">\n<") + "\n"
        let file = Self.folder.appending(path: example.name + ".svg")
        if ProcessInfo.processInfo.environment["INSIGHTS_WRITE_GOLDEN"] == "1" {
            try made.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(made == (try String(contentsOf: file, encoding: .utf8)))
    }

    /// The table under a chart has every number of it, and words where there is none.
    @Test(arguments: examples) func theTableHasTheSameNumbers(_ example: Example) {
        let chart = Self.chart(example)
        let text = chart.figure(English()).text
        let cells = text.components(separatedBy: "<td class=\"n\">").dropFirst().map {
            $0.prefix { $0 != "<" }.replacingOccurrences(of: "\u{A0}", with: " ")
        }
        let rows = example.lines[0].count
        let wanted = (0..<rows).flatMap { row in chart.series.map { $0.points[row].text } }
        #expect(cells.map { $0 } == wanted.map { $0.replacing("\u{A0}", with: " ") })
        #expect(!cells.contains(""))
    }

    @Test func noLineIsHeldDown() {
        let scale = ChartScale([466.7], isPercent: true)
        #expect(scale.top >= 466.7 && scale.height(of: 466.7) >= 0 && scale.height(of: 0) == 100)
    }

    /// A few figures far above all others have a part of the axis of their own, and flatten nothing.
    @Test func fewFarAboveFlattenNothing() {
        let scale = ChartScale(Self.fewFarAbove.compactMap(\.self), isPercent: true)
        #expect(scale.bandTop == 2_400 && scale.stepsTop == 100 && scale.ticks == [0, 25, 50, 75, 100, 2_400])
        let heights = stride(from: 0.0, through: 2_400, by: 7.5).map { scale.height(of: $0) }
        #expect(zip(heights, heights.dropFirst()).allSatisfy { $0 > $1 }, "a greater figure stands higher")
        #expect(heights.first == 100 && scale.height(of: 100) == 20 && scale.height(of: 2_400) == 0)
        // Many that are high, few figures at all, and counts have one scale.
        let many = Array(repeating: 70.0, count: 20) + Array(repeating: 900.0, count: 10)
        #expect(ChartScale(many, isPercent: true).bandTop == nil)
        #expect(ChartScale([50, 60, 70, 900], isPercent: true).bandTop == nil)
        #expect(ChartScale(Array(repeating: 1.0, count: 30) + [9_000], isPercent: false).bandTop == nil)
        let figure = Self.chart(Example(name: "", lines: [Self.fewFarAbove])).figure(English())
        #expect(figure.text.contains("Above the dotted line at 100"))
    }

    @Test func axesAreWhole() {
        for greatest in [0, 0.4, 1, 5, 6, 7, 99, 100, 101, 126, 260, 999, 12_345, 1e9, 9e18] as [Double] {
            for isPercent in [true, false] {
                let scale = ChartScale([greatest], isPercent: isPercent)
                #expect(scale.top >= greatest && (1...ChartScale.mostSteps).contains(scale.steps), "\(greatest)")
                #expect(scale.step == scale.step.rounded() && scale.ticks.first == 0 && scale.ticks.last == scale.top)
                #expect(!isPercent || scale.ticks.contains(100) || scale.step > 100, "\(greatest)")
            }
        }
    }

    @Test func moreThanCanBeDrawnIsLeftOut() {
        let chart = LineChartSVG(
            id: "c", title: "", summary: "", days: (0..<1_000).map { "\($0)" },
            series: (0..<20).map {
                .init(name: "\($0)", points: (0..<1_000).map { .init(value: Double($0 % 90), text: "") })
            },
            isPercent: true, numerals: Numerals(language: .dutch))
        let text = chart.svg().text
        #expect(text.components(separatedBy: "<path").count - 1 == LineChartSVG.mostSeries)
        #expect(text.filter { $0 == "L" }.count == LineChartSVG.mostSeries * (LineChartSVG.mostPoints - 1))
        #expect(text.contains(">600<") && !text.contains(">0<"))
    }

    @Test func barsAreSharesOfTheWhole() {
        let bar = StackedBarSVG(
            parts: [
                .init(name: "own", value: 5, label: "own: 5", mark: "1"),
                .init(name: "direct", value: 0, label: "none"),
                .init(name: "others", value: 2.5, label: "others"),
            ], whole: 10, title: "who <sold>"
        ).svg().text
        #expect(
            bar.contains("aria-label=\"who &lt;sold&gt;\"")
                && bar.contains("<rect class=\"own\" x=\"0%\" width=\"50%\""))
        #expect(bar.contains("<rect class=\"others\" x=\"50%\" width=\"25%\"") && !bar.contains("direct"))
        #expect(
            StackedBarSVG(parts: [.init(name: "own", value: 5, label: "")], whole: 0).svg().text.contains("own")
                == false)
    }

    @Test func percentBarsShowBoundsAndGoBeyond() {
        let beyond = PercentBarSVG(percent: 200, bounds: (150, 250)).svg().text
        #expect(beyond.contains("width=\"80%\"") && beyond.contains("x1=\"40%\""))
        #expect(beyond.contains("<rect class=\"range\" x=\"60%\" width=\"40%\""))
        #expect(!PercentBarSVG(percent: 50, bounds: (50, 50)).svg().text.contains("range"))
        #expect(PercentBarSVG(percent: .nan).svg().text.contains("track"))
    }
}
