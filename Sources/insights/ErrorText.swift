import ArgumentParser
import GraphSync
import ImportFormats
import InsightsClient

/// A failure of the command line itself, in one line.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

enum ErrorText {
    /// One line for any error.
    static func line(for error: any Error) -> String {
        let text =
            switch error {
            case let error as InsightsClientError: error.description
            case let error as ImportProblem: error.description
            case let error as CommandFailure: error.description
            case let error as SyncFailure: error.description
            case is CancellationError: "cancelled"
            default: InsightsCommand.message(for: error)
            }
        return singleLine(text)
    }

    /// Messages of the argument parser may be a sentence and a list below it.
    private static func singleLine(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.trimmingPrefix(while: \.isWhitespace)
        }
        guard let first = lines.first else { return "failed" }
        let items = lines.dropFirst().prefix { $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
        let line = ([String(first)] + (items.isEmpty ? [] : [items.joined(separator: ", ")])).joined(separator: " ")
        return String(line.unicodeScalars.filter { $0.properties.generalCategory != .control }.map(Character.init))
    }
}
