/// Reads a JSON file that holds a list, in any form that tools make of it: an array; an object with the list under
/// `value` or `items`, the way Graph and Partner Center answer; an array of such pages; several of these one after the
/// other, JSON lines among them; an object alone in place of a list of one. Elements are handed over one by one, and
/// only one is in memory.
enum JSONDocument {
    /// What stands beside the lists of a file.
    struct Envelope {
        var items = 0
        /// Lists that do not say that another page follows.
        var lastPages = 0
        /// The place of the first page that says so.
        var nextLink: FilePosition?
        /// What the last such page links to, where it is a text.
        var nextAddress: String?
        /// The largest number of items that a page says there are.
        var total: Int64 = 0
    }

    /// - Parameter kind: what the caller reads, for the message about a file of another kind; nil = any list.
    static func readList(
        _ file: InputFile, as kind: ImportKind?, limits: ImportLimits,
        onElement: (JSONObject, (Int) -> FilePosition) throws -> Void
    ) throws -> Envelope {
        let text = try TextReader(file, maximumBytes: limits.maximumFileBytes)
        var list = JSONList(
            reader: JSONReader(
                text, maximumDepth: limits.maximumDepth, maximumElementBytes: limits.maximumLineBytes),
            kind: kind, limits: limits)
        do {
            try list.read(file, onElement)
        } catch let problem as JSONProblem {
            throw PositionedProblem(list.reader.position(of: problem.offset), problem.message)
        }
        return list.envelope
    }

    /// True when the file begins as an object or array.
    static func isJSON(_ file: InputFile, limits: ImportLimits) throws -> Bool {
        var text = try TextReader(file, maximumBytes: limits.maximumFileBytes)
        while let piece = try text.next() {
            if let first = piece.first(where: { $0 > 0x20 }) {
                return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
            }
        }
        return false
    }

    /// The text of a file, within the limit of documents.
    static func wholeFile(_ file: InputFile, limits: ImportLimits) throws -> [UInt8] {
        var text = try TextReader(file, maximumBytes: limits.maximumDocumentBytes)
        var bytes = [UInt8]()
        while let piece = try text.next() { bytes += piece }
        guard !bytes.isEmpty else { throw PositionedProblem(.wholeFile, "the file is empty") }
        return bytes
    }
}

/// One reading of a file of lists.
private struct JSONList {
    var reader: JSONReader
    let kind: ImportKind?
    let limits: ImportLimits
    private(set) var envelope = JSONDocument.Envelope()
    private var hasLooseItems = false

    typealias OnElement = (JSONObject, (Int) -> FilePosition) throws -> Void

    init(reader: JSONReader, kind: ImportKind?, limits: ImportLimits) {
        self.reader = reader
        self.kind = kind
        self.limits = limits
    }

    mutating func read(_ file: InputFile, _ onElement: OnElement) throws {
        guard let first = try reader.peek() else { throw PositionedProblem(.wholeFile, "the file is empty") }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            throw PositionedProblem(
                reader.position(of: reader.offset), try CSVTable.complaintAboutText(file, limits: limits))
        }
        while let byte = try reader.peek() {
            reader.beginElement()
            switch byte {
            case UInt8(ascii: "["): try array(depth: 1, onElement)
            case UInt8(ascii: "{"): try pageOrElement(depth: 1, onElement)
            default: throw try reader.unexpected("the end of the document")
            }
            try reader.takeMarks()
        }
        if hasLooseItems { envelope.lastPages += 1 }
    }

    /// An array of elements or of pages.
    private mutating func array(depth: Int, _ onElement: OnElement) throws {
        try reader.take(UInt8(ascii: "["))
        if try reader.takeIfNext(UInt8(ascii: "]")) {
            hasLooseItems = true
            return
        }
        repeat {
            let isObject = try reader.peek() == UInt8(ascii: "{")
            reader.beginElement()
            if isObject {
                try pageOrElement(depth: depth + 1, onElement)
            } else {
                hasLooseItems = true
                try add(try JSONObject(try reader.value(depth: depth + 1), what: "an element of the list"), onElement)
            }
        } while try reader.takeIfNext(UInt8(ascii: ","))
        try reader.take(UInt8(ascii: "]"))
    }

    /// An object that has a list is a page, another one an element.
    private mutating func pageOrElement(depth: Int, _ onElement: OnElement) throws {
        let start = reader.offset
        let position = reader.position(of: start)
        var members = JSONMembers()
        var hasList = false
        try reader.take(UInt8(ascii: "{"))
        if try !reader.takeIfNext(UInt8(ascii: "}")) {
            repeat {
                let key = try reader.key()
                if ["value", "items"].contains(key.folded), try reader.peek() == UInt8(ascii: "[") {
                    if hasList { throw JSONProblem(offset: key.offset, message: "a second list beside the first") }
                    hasList = true
                    try elements(depth: depth + 2, onElement)
                } else {
                    let value = try reader.value(depth: depth + 1)
                    guard members.add(key.name, folded: key.folded, value) else {
                        throw JSONProblem(
                            offset: key.offset, message: "the key \(key.name.excerpt) occurs twice")
                    }
                }
            } while try reader.takeIfNext(UInt8(ascii: ","))
            try reader.take(UInt8(ascii: "}"))
        }
        if hasList {
            endPage(members, position: position)
            return
        }
        try Self.refuseError(members, offset: start)
        if let key = ["value", "items"].first(where: { members[$0] != nil }), let value = members[key] {
            // A list of one that lost its brackets.
            let isText = if case .string = value.content { true } else { false }
            let isObject = if case .object = value.content { true } else { false }
            guard isText || isObject else {
                throw JSONProblem(
                    offset: start, message: "the document is neither an array nor an object with “value” or “items”")
            }
            try add(try JSONObject(value, what: key), onElement)
            endPage(members, position: position)
            return
        }
        hasLooseItems = true
        try add(JSONObject(members, offset: start), onElement)
    }

    /// The list of a page.
    private mutating func elements(depth: Int, _ onElement: OnElement) throws {
        try reader.take(UInt8(ascii: "["))
        if try !reader.takeIfNext(UInt8(ascii: "]")) {
            repeat {
                _ = try reader.peek()
                reader.beginElement()
                try add(try JSONObject(try reader.value(depth: depth), what: "an element of the list"), onElement)
            } while try reader.takeIfNext(UInt8(ascii: ","))
            try reader.take(UInt8(ascii: "]"))
        }
        reader.beginElement()
    }

    private mutating func add(_ object: JSONObject, _ onElement: OnElement) throws {
        envelope.items += 1
        guard envelope.items <= limits.maximumRows else {
            throw JSONProblem(offset: object.offset, message: "the list has more than \(limits.maximumRows) elements")
        }
        if envelope.items == 1, let kind, let form = KnownForm.of({ object.members[$0] != nil }), form.kind != kind {
            throw JSONProblem(offset: object.offset, message: form.message)
        }
        let reader = reader
        try onElement(object) { reader.position(of: $0) }
    }

    private mutating func endPage(_ members: JSONMembers, position: FilePosition) {
        let link = ["@odata.nextLink", "odata.nextLink", "@nextLink", "nextLink"].lazy.compactMap { members[$0] }
            .first(where: Self.isLink)
        var next: JSONValue?
        if case .object(let links) = members["links"]?.content { next = links["next"] }
        if link != nil || Self.isLink(next) {
            if envelope.nextLink == nil { envelope.nextLink = position }
            if case .string(let text)? = link?.content { envelope.nextAddress = text }
        } else {
            envelope.lastPages += 1
        }
        for key in ["totalCount", "@odata.count", "odata.count"] {
            switch members[key]?.content {
            case .number(let text)?, .string(let text)?: envelope.total = max(envelope.total, Int64(text) ?? 0)
            default: break
            }
        }
    }

    private static func isLink(_ value: JSONValue?) -> Bool {
        switch value?.content {
        case .string(let text)?: !text.isEmpty
        case .object(let members)?: members.count > 0
        case nil, .null?: false
        // Whatever it is, it does not say that the page is the last.
        default: true
        }
    }

    /// An answer that says what went wrong in place of a list, as Graph, Partner Center and the sign-in write it.
    private static func refuseError(_ members: JSONMembers, offset: Int) throws {
        let text = { (value: JSONValue?) -> String? in
            switch value?.content {
            case .string(let text)?, .number(let text)?: text
            default: nil
            }
        }
        var code: String?
        if let error = members["error"] ?? members["odata.error"] {
            if case .object(let inner) = error.content { code = text(inner["code"]) } else { code = text(error) }
        } else if members["id"] == nil, members["description"] != nil || members["message"] != nil {
            code = text(members["code"])
        }
        guard let code else { return }
        throw JSONProblem(
            offset: offset,
            message: "the file is an error of the API, not its answer: \(code.excerpt); ask for the list again")
    }
}

/// The pages of one import, whichever files they are in and in whatever order.
struct ListPages {
    private var items = 0
    private var lastPages = 0
    private var total: Int64 = 0
    private var totalFile = ""
    private var unfinished: (file: String, position: FilePosition)?

    mutating func add(_ envelope: JSONDocument.Envelope, of file: InputFile) {
        items += envelope.items
        lastPages += envelope.lastPages
        if envelope.total > total {
            total = envelope.total
            totalFile = file.name
        }
        if let position = envelope.nextLink { unfinished = (file.name, position) }
    }

    /// Refuses an answer of which a page is missing: every page says that another follows, or there are fewer items
    /// than a page says.
    func checkComplete() throws {
        let wayOut = "give all pages in one command"
        if lastPages == 0, let unfinished {
            throw ImportProblem(
                file: unfinished.file, position: unfinished.position,
                message: "the page after this one is missing: it links to more (@odata.nextLink or links.next) "
                    + "and no page is the last; \(wayOut)")
        }
        if total > items {
            throw ImportProblem(
                file: totalFile, position: .wholeFile,
                message: "a page is missing: \(items) of \(total) items are there (totalCount); \(wayOut)")
        }
    }
}
