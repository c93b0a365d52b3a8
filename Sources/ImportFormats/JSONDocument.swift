/// Reads a JSON file that holds a list: an array, or an object with the list under `value` or `items`, the way Graph
/// and Partner Center answer. Elements are handed over one by one, so that only one is in memory beside the bytes.
enum JSONDocument {
    /// What stands beside the list.
    struct Envelope {
        /// True when the answer says that there are more pages.
        var hasNextPage = false
    }

    static func readList(
        _ file: InputFile, limits: ImportLimits, onElement: (JSONObject, (Int) -> FilePosition) throws -> Void
    ) throws -> Envelope {
        let bytes = try wholeFile(file, limits: limits)
        let locate = { (offset: Int) in position(of: offset, in: bytes) }
        do {
            return try read(bytes, limits: limits) { try onElement($0, locate) }
        } catch let problem as JSONProblem {
            throw PositionedProblem(locate(problem.offset), problem.message)
        }
    }

    /// The bytes of a file, within the limit of documents.
    static func wholeFile(_ file: InputFile, limits: ImportLimits) throws -> [UInt8] {
        var pieces = try PieceReader(file, maximumBytes: limits.maximumDocumentBytes)
        var bytes = [UInt8]()
        while let piece = try pieces.next() { bytes += piece }
        guard !bytes.isEmpty else { throw PositionedProblem(.wholeFile, "the file is empty") }
        return bytes
    }

    /// Line and column of a byte; slow, for messages only.
    static func position(of offset: Int, in bytes: [UInt8]) -> FilePosition {
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, bytes.count) where bytes[index] == 0x0A {
            line += 1
            lineStart = index + 1
        }
        return FilePosition(line: line, column: offset - lineStart + 1)
    }

    private static func read(
        _ bytes: [UInt8], limits: ImportLimits, onElement: (JSONObject) throws -> Void
    ) throws -> Envelope {
        var reader = JSONReader(bytes: bytes, maximumDepth: limits.maximumDepth)
        var envelope = Envelope()
        if reader.peek() == UInt8(ascii: "[") {
            try elements(&reader, depth: 2, limits: limits, onElement)
            try reader.end()
            return envelope
        }
        try reader.take(UInt8(ascii: "{"))
        var found = false
        if !reader.takeIfNext(UInt8(ascii: "}")) {
            repeat {
                _ = reader.peek()
                let keyOffset = reader.offset
                let key = try reader.string()
                try reader.take(UInt8(ascii: ":"))
                if ["value", "items"].contains(key.lowercased()), reader.peek() == UInt8(ascii: "[") {
                    if found { throw JSONProblem(offset: keyOffset, message: "a second list beside the first") }
                    found = true
                    try elements(&reader, depth: 3, limits: limits, onElement)
                } else {
                    let value = try reader.value(depth: 2)
                    if ["@odata.nextlink", "@nextlink"].contains(key.lowercased()), !value.isNull {
                        envelope.hasNextPage = true
                    }
                }
            } while reader.takeIfNext(UInt8(ascii: ","))
            try reader.take(UInt8(ascii: "}"))
        }
        try reader.end()
        guard found else {
            throw JSONProblem(
                offset: 0, message: "the document is neither an array nor an object with “value” or “items”")
        }
        return envelope
    }

    private static func elements(
        _ reader: inout JSONReader, depth: Int, limits: ImportLimits, _ onElement: (JSONObject) throws -> Void
    ) throws {
        try reader.take(UInt8(ascii: "["))
        if reader.takeIfNext(UInt8(ascii: "]")) { return }
        var rows = 0
        repeat {
            rows += 1
            guard rows <= limits.maximumRows else {
                throw JSONProblem(
                    offset: reader.offset, message: "the list has more than \(limits.maximumRows) elements")
            }
            try onElement(try JSONObject(try reader.value(depth: depth), what: "an element of the list"))
        } while reader.takeIfNext(UInt8(ascii: ","))
        try reader.take(UInt8(ascii: "]"))
    }
}
