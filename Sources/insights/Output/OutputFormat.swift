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
    /// Protobuf JSON, indented: names as in the protos, whole numbers as numbers, and zeros shown.
    static func text(_ message: any Message) throws -> String {
        let compact: Data = try message.jsonUTF8Data(options: options)
        let value = try JSONSerialization.jsonObject(with: compact) as? [String: Any] ?? [:]
        return try text(JSONZeros.filled(value, from: message))
    }

    static func text(_ object: [String: Any]) throws -> String { try text(of: object) }

    static func text(_ objects: [[String: Any]]) throws -> String { try text(of: objects) }

    private static func text(of object: Any) throws -> String {
        let data = try JSONSerialization.data(
            withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// One message on one line, for millions of them: what is empty is left out.
    static func line(_ message: any Message) throws -> String {
        try message.jsonString(options: options) + "\n"
    }

    private static var options: JSONEncodingOptions {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        options.alwaysPrintInt64sAsNumbers = true
        return options
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
        if let first = text.unicodeScalars.first,
            "=+-@\t\r\n\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars.contains(first), Double(text) == nil
        {
            text = "'" + text
        }
        guard text.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
