/// A line chart of one series in text. Points without a value are gaps, never zeros.
struct LineChart {
    enum Point: Equatable {
        case value(Double)
        /// Reported, but a ratio without a denominator.
        case noValue
        case notReported

        var value: Double? { if case .value(let value) = self, value.isFinite { value } else { nil } }
    }

    var title: String
    /// One per point, in order; the first and the last are shown.
    var days: [String]
    var points: [Point]
    /// The scale reaches at least this far; it starts at 0.
    var minimumTop: Double
    var format: (Double) -> String

    private struct Axis {
        var tick = "+"
        var line = "|"
        var corner = "+"
        var floor = "-"
    }

    /// Rows of the plot.
    static let height = 8

    func text(screen: Screen) -> String {
        let present = points.compactMap(\.value)
        guard !present.isEmpty else { return "\(title)\n  \(gaps)\n" }
        let top = Self.niceTop(max(minimumTop, present.max() ?? 0))
        let labels = [format(top), format(top / 2), format(0)]
        let labelWidth = labels.map(\.displayWidth).max() ?? 0
        let width = max(20, min(100, screen.width - labelWidth - 6))
        let rows = screen.isUnicode ? braille(top: top, width: width) : ascii(top: top, width: width)
        let axis = screen.isUnicode ? Axis(tick: "┤", line: "│", corner: "└", floor: "─") : Axis()
        var text = title + "\n"
        for (index, row) in rows.enumerated() {
            let label = index == 0 ? labels[0] : index == Self.height / 2 ? labels[1] : ""
            let padding = String(repeating: " ", count: labelWidth - label.displayWidth)
            text += "  \(padding)\(label) \(label.isEmpty ? axis.line : axis.tick)\(row)".withoutTrailingBlanks + "\n"
        }
        let zero = String(repeating: " ", count: labelWidth - labels[2].displayWidth) + labels[2]
        text += "  \(zero) \(axis.corner)\(String(repeating: axis.floor, count: width))\n"
        return text + dayLine(indent: labelWidth + 4, width: width) + latest(present)
            + (gaps.isEmpty ? "" : "  gaps: \(gaps)\n")
    }

    /// What is missing, in words; empty when nothing is.
    private var gaps: String {
        let noValue = points.count { $0 != .notReported && $0.value == nil }
        let notReported = points.count { $0 == .notReported }
        if notReported == points.count { return NumberText.notReported }
        if noValue == points.count { return "no value: nothing to divide by" }
        let parts = [(notReported, NumberText.notReported), (noValue, "without a value (nothing to divide by)")]
        return parts.filter { $0.0 > 0 }.map { "\($0.0) of \(points.count) points \($0.1)" }.joined(separator: ", ")
    }

    private func dayLine(indent: Int, width: Int) -> String {
        guard let first = days.first, let last = days.last else { return "" }
        let margin = String(repeating: " ", count: indent)
        if days.count == 1 { return margin + first + "\n" }
        let gap = max(1, width - first.count - last.count)
        return margin + first + String(repeating: " ", count: gap) + last + "\n"
    }

    private func latest(_ present: [Double]) -> String {
        guard let index = points.lastIndex(where: { $0.value != nil }), let last = points[index].value else {
            return ""
        }
        let low = present.min() ?? last
        let high = present.max() ?? last
        return "  last \(format(last)) on \(days[index]) · lowest \(format(low)) · highest \(format(high))\n"
    }

    /// 1, 2, 2.5 or 5 times a power of ten, at or above the value.
    static func niceTop(_ value: Double) -> Double {
        guard value.isFinite, value > 0 else { return 1 }
        var unit = 1.0
        while unit * 10 <= value { unit *= 10 }
        while unit > value { unit /= 10 }
        return [1, 1.5, 2, 2.5, 4, 5, 8, 10].map { $0 * unit }.first { $0 >= value } ?? unit * 10
    }

    /// Dots of the plot, `columns` × `rows`, row 0 at the top, with lines between neighboring points.
    private func dots(top: Double, columns: Int, rows: Int) -> [[Bool]] {
        var grid = Array(repeating: Array(repeating: false, count: columns), count: rows)
        var previous: (x: Int, y: Int)?
        for (index, point) in points.enumerated() {
            guard let value = point.value else {
                previous = nil
                continue
            }
            let x = points.count == 1 ? 0 : index * (columns - 1) / (points.count - 1)
            let share = min(max(value / top, 0), 1)
            let y = Int(((1 - share) * Double(rows - 1)).rounded())
            grid[y][x] = true
            if let previous { Self.connect(previous, (x, y), in: &grid) }
            previous = (x, y)
        }
        return grid
    }

    private static func connect(_ from: (x: Int, y: Int), _ to: (x: Int, y: Int), in grid: inout [[Bool]]) {
        let steps = max(abs(to.x - from.x), abs(to.y - from.y))
        guard steps > 1 else { return }
        for step in 1..<steps {
            let share = Double(step) / Double(steps)
            let x = from.x + Int((Double(to.x - from.x) * share).rounded())
            let y = from.y + Int((Double(to.y - from.y) * share).rounded())
            grid[y][x] = true
        }
    }

    /// Braille characters hold 2 × 4 dots each.
    private func braille(top: Double, width: Int) -> [String] {
        let grid = dots(top: top, columns: width * 2, rows: Self.height * 4)
        let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
        return (0..<Self.height).map { row in
            var text = ""
            for column in 0..<width {
                var pattern: UInt32 = 0
                for y in 0..<4 {
                    for x in 0..<2 where grid[row * 4 + y][column * 2 + x] { pattern |= bits[y][x] }
                }
                text += pattern == 0 ? " " : String(Unicode.Scalar(0x2800 + pattern).map(Character.init) ?? " ")
            }
            return text
        }
    }

    private func ascii(top: Double, width: Int) -> [String] {
        dots(top: top, columns: width, rows: Self.height).map { row in String(row.map { $0 ? "*" : " " }) }
    }
}

extension String {
    fileprivate var withoutTrailingBlanks: String {
        String(reversed().drop { $0 == " " }.reversed())
    }
}
