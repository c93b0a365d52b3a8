/// A place in an input file. Lines and columns count from 1; a column counts bytes, 0 means the whole line and line 0
/// the whole file.
public struct FilePosition: Sendable, Equatable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The file as a whole.
    public static let wholeFile = FilePosition(line: 0, column: 0)

    /// `users.csv:14:7`, the form that editors can jump to.
    func text(in file: String) -> String {
        if line == 0 { return file }
        return column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
    }
}

/// The first thing that is wrong with an input file. Nothing of the file was imported.
public struct ImportProblem: Error, Sendable, Equatable, CustomStringConvertible {
    public var file: String
    public var position: FilePosition
    public var message: String

    public init(file: String, position: FilePosition, message: String) {
        self.file = file
        self.position = position
        self.message = message
    }

    /// One line: `users.csv:14:7: …`.
    public var description: String { "\(position.text(in: file)): \(message)" }
}

/// A problem found by a parser that does not know the file's name.
struct PositionedProblem: Error {
    var position: FilePosition
    var message: String

    init(_ position: FilePosition, _ message: String) {
        self.position = position
        self.message = message
    }
}

extension String {
    /// The text in quotes for a message: shortened, and with control characters replaced, because it comes from a file.
    var excerpt: String {
        var text = "“"
        for (index, scalar) in unicodeScalars.enumerated() {
            if index == 48 {
                text += "…"
                break
            }
            text.unicodeScalars.append(scalar.properties.generalCategory == .control ? "·" : scalar)
        }
        return text + "”"
    }
}
