/// Aligned columns of text.
struct TextTable {
    struct Column {
        var title: String
        var isNumber = false

        static func text(_ title: String) -> Column { Column(title: title) }
        static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    var columns: [Column]
    var rows: [[String]] = []
    /// Rows before which a line is drawn, such as totals.
    var ruledRows: Set<Int> = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func add(_ cells: [String], ruled: Bool = false) {
        if ruled { ruledRows.insert(rows.count) }
        rows.append(cells.map(\.harmless))
    }

    /// Leaves out columns in which every cell is empty or a plain zero.
    mutating func dropIdleColumns(_ titles: Set<String>) {
        for index in columns.indices.reversed() where titles.contains(columns[index].title) {
            guard rows.allSatisfy({ Self.idle.contains($0[index]) }) else { continue }
            columns.remove(at: index)
            for row in rows.indices { rows[row].remove(at: index) }
        }
    }

    func text(indent: String = "") -> String {
        let widths = columns.indices.map { index in
            max(columns[index].title.displayWidth, rows.map { $0[index].displayWidth }.max() ?? 0)
        }
        let rule = indent + widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ") + "\n"
        var text = indent + line(columns.map(\.title), widths) + "\n" + rule
        for (index, row) in rows.enumerated() {
            if ruledRows.contains(index) { text += rule }
            text += indent + line(row, widths) + "\n"
        }
        return text
    }

    private static let idle: Set<String> = ["", "0", "0 / 0"]

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[index] - cell.displayWidth)
            if index > 0 { line += "  " }
            line += columns[index].isNumber ? padding + cell : cell + padding
        }
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}

extension String {
    /// Names from customers must not move the cursor, break the line or turn the direction of the text around.
    var harmless: String {
        let isHarmful = { (scalar: Unicode.Scalar) in
            [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
                || scalar.properties.isBidiControl
        }
        guard unicodeScalars.contains(where: isHarmful) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { isHarmful($0) ? " " : $0 }))
    }

    /// Columns on a terminal: East Asian wide characters and emoji take two, combining marks none.
    var displayWidth: Int {
        reduce(0) { width, character in
            guard let scalar = character.unicodeScalars.first else { return width }
            return width + (Self.isWide(scalar.value) ? 2 : 1)
        }
    }

    private static func isWide(_ value: UInt32) -> Bool {
        (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value) || (0xAC00...0xD7A3).contains(value)
            || (0xF900...0xFAFF).contains(value) || (0xFE30...0xFE6F).contains(value)
            || (0xFF00...0xFF60).contains(value) || (0xFFE0...0xFFE6).contains(value)
            || (0x1F300...0x1FAFF).contains(value) || (0x20000...0x3FFFD).contains(value)
    }

    /// Broken into lines of at most `width` columns at blanks.
    func wrapped(width: Int, indent: String) -> String {
        var lines = [String]()
        var line = ""
        for word in split(whereSeparator: \.isWhitespace) {
            if !line.isEmpty && line.displayWidth + 1 + String(word).displayWidth > max(20, width - indent.count) {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        if !line.isEmpty { lines.append(line) }
        return lines.map { indent + $0 + "\n" }.joined()
    }
}
