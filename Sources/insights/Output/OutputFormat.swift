import ArgumentParser
import Foundation
import SwiftProtobuf

/// How answers are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people.
    case table
    /// The protobuf JSON of the answer.
    case json
    /// RFC 4180 with a header line.
    case csv
}

/// An answer in its three forms; only the wanted one is made.
struct Answer {
    var message: any Message
    var table: (Screen) -> String
    var csv: () -> [[String]]

    func print(_ format: OutputFormat) throws {
        switch format {
        case .table: Terminal.write(table(Terminal.screen))
        case .json: Terminal.write(try JSONText.text(message))
        case .csv: Terminal.write(CSVText.text(csv()))
        }
    }
}

enum JSONText {
    /// Protobuf JSON with the names of the protos, indented.
    static func text(_ message: any Message) throws -> String {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        let compact: Data = try message.jsonUTF8Data(options: options)
        let value = try JSONSerialization.jsonObject(with: compact)
        let pretty = try JSONSerialization.data(
            withJSONObject: value, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: pretty, as: UTF8.self) + "\n"
    }

    /// One message on one line.
    static func line(_ message: any Message) throws -> String {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        return try message.jsonString(options: options) + "\n"
    }
}

enum CSVText {
    static func text(_ rows: [[String]]) -> String {
        rows.map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
    }

    /// Quotes what needs it. Text that a spreadsheet would take for a formula gets an apostrophe: names come from
    /// customers.
    static func field(_ text: String) -> String {
        var text = text
        if let first = text.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first), Double(text) == nil {
            text = "'" + text
        }
        guard text.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
