import Logging

/// How log lines look.
package enum LogFormat: String, Sendable, CaseIterable {
    /// One JSON object a line: `time`, `level`, `logger`, `message`, `metadata`.
    case json
    /// `time level logger: message key="value"`, for people.
    case text
}

/// A log handler that writes one bounded line per event, whatever strings it is given.
package struct LineLogHandler: LogHandler {
    /// Bound of a line, its newline included, in bytes. What does not fit is cut, and `truncated` says so.
    package static let maximumLineBytes = 8_192
    /// Bounds of the parts, in bytes once escaped, so that a long message leaves room for the metadata.
    private static let maximumMessageBytes = 4_096
    private static let maximumKeyBytes = 128
    static let maximumValueBytes = 2_048
    /// Levels of arrays and dictionaries inside metadata; anything deeper is left out.
    private static let maximumDepth = 4
    /// Room for what ends a line after a cut: the closing brackets of every level and the mark.
    private static let reserve = 64

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level

    private let label: String
    let format: LogFormat
    package let sink: any LogSink
    let clock: @Sendable () -> Timestamp

    package init(
        label: String, format: LogFormat, level: Logger.Level = .info, sink: any LogSink,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.sink = sink
        self.clock = clock
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get(), !provided.isEmpty { all.merge(provided) { $1 } }
        if let explicit = event.metadata, !explicit.isEmpty { all.merge(explicit) { $1 } }
        if let error = event.error { all["error"] = .string(String(describing: error)) }
        sink.write(line: line(event.level, event.message, all))
    }

    /// The line of a message, newline included.
    package func line(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata) -> [UInt8] {
        let entries = metadata.sorted { $0.key < $1.key }
        var line = Line()
        switch format {
        case .json: writeJSON(level, message, entries, to: &line)
        case .text: writeText(level, message, entries, to: &line)
        }
        return line.bytes
    }

    private func writeJSON(
        _ level: Logger.Level, _ message: Logger.Message, _ entries: [(key: String, value: Logger.MetadataValue)],
        to line: inout Line
    ) {
        line.raw("{\"time\":\"")
        clock().append(to: &line.bytes)
        line.raw("\",\"level\":\"\(level.rawValue)\",\"logger\":\"")
        line.safe(label, limit: Self.maximumKeyBytes)
        line.raw("\",\"message\":\"")
        line.safe(message.description, limit: Self.maximumMessageBytes)
        line.raw("\"")
        if !entries.isEmpty {
            line.raw(",\"metadata\":")
            line.object(entries, depth: 1)
        }
        if line.isCut { line.raw(",\"truncated\":true") }
        line.raw("}\n")
    }

    private func writeText(
        _ level: Logger.Level, _ message: Logger.Message, _ entries: [(key: String, value: Logger.MetadataValue)],
        to line: inout Line
    ) {
        clock().append(to: &line.bytes)
        line.raw(" \(level.rawValue) ")
        line.safe(label, limit: Self.maximumKeyBytes)
        line.raw(": ")
        line.safe(message.description, limit: Self.maximumMessageBytes)
        for (key, value) in entries where line.hasRoom {
            line.raw(" ")
            line.safe(key, limit: Self.maximumKeyBytes)
            line.raw("=")
            line.value(value, depth: 1)
        }
        if line.isCut { line.raw(" truncated=true") }
        line.raw("\n")
    }

    /// A line in the making. `safe` keeps to the bounds, `raw` is for the handler's own fixed text.
    private struct Line {
        var bytes: [UInt8] = []
        private(set) var isCut = false

        init() {
            bytes.reserveCapacity(512)
        }

        /// Whether another key and the start of its value surely fit.
        var hasRoom: Bool { remaining > LineLogHandler.maximumKeyBytes + 16 }

        private var remaining: Int { LineLogHandler.maximumLineBytes - LineLogHandler.reserve - bytes.count }

        mutating func raw(_ text: String) {
            bytes.append(contentsOf: text.utf8)
        }

        mutating func safe(_ text: String, limit: Int) {
            if !SafeText.append(text, to: &bytes, limit: max(0, min(limit, remaining))) { isCut = true }
        }

        mutating func object(_ entries: [(key: String, value: Logger.MetadataValue)], depth: Int) {
            raw("{")
            var first = true
            for (key, value) in entries {
                guard hasRoom else {
                    isCut = true
                    break
                }
                raw(first ? "\"" : ",\"")
                first = false
                safe(key, limit: LineLogHandler.maximumKeyBytes)
                raw("\":")
                self.value(value, depth: depth)
            }
            raw("}")
        }

        mutating func value(_ value: Logger.MetadataValue, depth: Int) {
            switch value {
            case .string(let text): quoted(text)
            case .stringConvertible(let convertible): quoted(convertible.description)
            case .dictionary where depth > LineLogHandler.maximumDepth,
                .array where depth > LineLogHandler.maximumDepth:
                isCut = true
                raw("null")
            case .dictionary(let dictionary): object(dictionary.sorted { $0.key < $1.key }, depth: depth + 1)
            case .array(let values):
                raw("[")
                var first = true
                for element in values {
                    guard hasRoom else {
                        isCut = true
                        break
                    }
                    if !first { raw(",") }
                    first = false
                    self.value(element, depth: depth + 1)
                }
                raw("]")
            }
        }

        private mutating func quoted(_ text: String) {
            raw("\"")
            safe(text, limit: LineLogHandler.maximumValueBytes)
            raw("\"")
        }
    }
}
