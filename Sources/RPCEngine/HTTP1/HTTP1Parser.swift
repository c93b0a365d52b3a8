/// Reads requests of HTTP/1.1 (RFC 9112), one after the other, from bytes in pieces of any size. Strict: what two
/// readers could take for two things is refused, and a refusal is the end.
struct HTTP1Parser {
    enum Event: Equatable {
        case head(HTTP1Request)
        case body(ArraySlice<UInt8>)
        /// Nothing more of this request.
        case end
    }

    private enum Place {
        /// Nothing of a request has come.
        case start
        case requestLine
        case fields
        case length(left: Int)
        case chunkSize
        case chunk(left: Int)
        /// CR LF behind a chunk.
        case chunkEnd
        case trailers
        case end
        case failed(HTTP1Failure)
    }

    static let longestRequestLine = 8_192
    static let mostFields = 100
    /// With its extension, which means nothing.
    private static let longestChunkSize = 256
    /// Of all chunks of a request.
    private static let mostExtensionBytes = 8_192
    private static let mostSizeDigits = 8

    private let maximumHeaderBytes: Int
    private var place = Place.start
    /// A line of which the end has not come.
    private var line: [UInt8] = []
    private var request: HTTP1Request?
    /// Of the request's head and trailers: each line and 32 bytes.
    private var headerBytes = 0
    private var fieldCount = 0
    private var extensionBytes = 0
    /// Before the first request one empty line is passed over (RFC 9112, 2.2).
    private var mayBeEmpty = true

    /// - Parameter maximumHeaderBytes: as for HTTP/2, names, values and 32 bytes each.
    init(maximumHeaderBytes: Int) {
        self.maximumHeaderBytes = maximumHeaderBytes
    }

    /// A head has begun and is not complete.
    var isInHead: Bool {
        switch place {
        case .requestLine, .fields: true
        case .start, .length, .chunkSize, .chunk, .chunkEnd, .trailers, .end, .failed: false
        }
    }

    /// What is kept of a head, in bytes.
    var heldBytes: Int { line.capacity + headerBytes }

    /// What comes next of a request; nil when more bytes are needed, and all of `input` was taken.
    mutating func next(_ input: inout ArraySlice<UInt8>) throws(HTTP1Failure) -> Event? {
        do throws(HTTP1Failure) {
            while true {
                switch try step(&input) {
                case .event(let event): return event
                case .starved: return nil
                case .onward: break
                }
            }
        } catch {
            place = .failed(error)
            line = []
            request = nil
            throw error
        }
    }

    private enum Step {
        case event(Event)
        case onward
        case starved
    }

    private mutating func step(_ input: inout ArraySlice<UInt8>) throws(HTTP1Failure) -> Step {
        switch place {
        case .start:
            if input.isEmpty { return .starved }
            place = .requestLine
        case .requestLine:
            let tooLong = HTTP1Failure(414, "the request line is above \(Self.longestRequestLine) bytes")
            guard let line = try takeLine(&input, most: Self.longestRequestLine, tooLong) else { return .starved }
            try begin(line)
        case .fields:
            guard let line = try takeField(&input) else { return .starved }
            if !line.isEmpty {
                let field = try Self.field(line)
                try request?.add(name: field.name, value: field.value)
            } else if let request {
                return .event(.head(try headEnded(request)))
            }
        case .length(let left), .chunk(let left):
            if input.isEmpty { return .starved }
            return .event(.body(takeBody(&input, left)))
        case .chunkSize:
            guard let line = try takeLine(&input, most: Self.longestChunkSize, .chunk) else { return .starved }
            let size = try chunkSize(line)
            place = size == 0 ? .trailers : .chunk(left: size)
        case .chunkEnd:
            guard let line = try takeLine(&input, most: 0, .chunk) else { return .starved }
            guard line.isEmpty else { throw .chunk }
            place = .chunkSize
        case .trailers:
            guard let line = try takeField(&input) else { return .starved }
            // Looked at and dropped.
            if line.isEmpty { place = .end } else { _ = try Self.field(line) }
        case .end:
            place = .start
            return .event(.end)
        case .failed(let failure): throw failure
        }
        return .onward
    }

    // MARK: Lines

    /// The line without its end; nil when that has not come.
    ///
    /// - Parameters:
    ///   - most: bytes without the end.
    ///   - tooLong: thrown above that, as soon as it is clear.
    private mutating func takeLine(
        _ input: inout ArraySlice<UInt8>, most: Int, _ tooLong: @autoclosure () -> HTTP1Failure
    ) throws(HTTP1Failure) -> ArraySlice<UInt8>? {
        let end = input.firstIndex(of: 0x0A)
        // No more than it takes to see that it is too long.
        let piece = input[..<(end ?? input.endIndex)].prefix(max(0, most + 2 - line.count))
        line += piece
        input = input[(end.map { $0 + 1 } ?? input.endIndex)...]
        // With its CR.
        guard line.count <= most + 1 else { throw tooLong() }
        guard end != nil else { return nil }
        guard line.last == 0x0D else { throw .bareLineFeed }
        let whole = line.dropLast()
        line = []
        guard whole.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { throw .control }
        return whole
    }

    private mutating func begin(_ line: ArraySlice<UInt8>) throws(HTTP1Failure) {
        let isExcused = mayBeEmpty
        mayBeEmpty = false
        if line.isEmpty, isExcused {
            place = .start
            return
        }
        request = try HTTP1Request(line: line)
        (headerBytes, fieldCount, extensionBytes) = (0, 0, 0)
        place = .fields
    }

    /// A line of the head or the trailers; empty at their end.
    private mutating func takeField(_ input: inout ArraySlice<UInt8>) throws(HTTP1Failure) -> ArraySlice<UInt8>? {
        let room = max(0, maximumHeaderBytes - headerBytes - 32)
        let tooLarge = HTTP1Failure(431, "the headers are above \(maximumHeaderBytes) bytes")
        guard let line = try takeLine(&input, most: room, tooLarge) else { return nil }
        if line.isEmpty { return line }
        headerBytes += line.count + 32
        fieldCount += 1
        if fieldCount > Self.mostFields { throw HTTP1Failure(431, "more than \(Self.mostFields) headers") }
        return line
    }

    private static func field(
        _ line: ArraySlice<UInt8>
    ) throws(HTTP1Failure) -> (name: [UInt8], value: [UInt8]) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isToken)
        else { throw .notAToken }
        var value = line[(colon + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return (line[..<colon].map(lower), Array(value))
    }

    // MARK: Body

    private mutating func headEnded(_ request: HTTP1Request) throws(HTTP1Failure) -> HTTP1Request {
        try request.check()
        switch request.framing {
        case .none: place = .end
        case .length(let length): place = .length(left: length)
        case .chunked: place = .chunkSize
        }
        self.request = nil
        return request
    }

    private mutating func takeBody(_ input: inout ArraySlice<UInt8>, _ left: Int) -> ArraySlice<UInt8> {
        let bytes = input.prefix(left)
        input = input.dropFirst(bytes.count)
        let rest = left - bytes.count
        switch place {
        case .chunk: place = rest > 0 ? .chunk(left: rest) : .chunkEnd
        default: place = rest > 0 ? .length(left: rest) : .end
        }
        return bytes
    }

    /// Hex digits, and perhaps an extension behind a semicolon.
    private mutating func chunkSize(_ line: ArraySlice<UInt8>) throws(HTTP1Failure) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") }
        extensionBytes += line.count - digits.count
        guard (1...Self.mostSizeDigits).contains(digits.count), extensionBytes <= Self.mostExtensionBytes else {
            throw .chunk
        }
        var size = 0
        for byte in digits {
            switch lower(byte) {
            case 0x30...0x39: size = size << 4 | Int(byte - 0x30)
            case 0x61...0x66: size = size << 4 | Int(lower(byte) - 0x57)
            default: throw .chunk
            }
        }
        return size
    }
}
