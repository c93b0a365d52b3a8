/// Just enough of protobuf's wire format for the messages of grpc.testing.TestService.
struct ProtoReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { self.bytes = ArraySlice(bytes) }

    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    /// The next field, or nil at the end or at anything broken.
    mutating func next() -> (field: Int, value: Value)? {
        guard let tag = varint(), let field = Int(exactly: tag >> 3) else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (field, .number($0)) }
        case 1: return take(8).map { (field, .bytes($0)) }
        case 2:
            guard let length = varint().flatMap({ Int(exactly: $0) }) else { return nil }
            return take(length).map { (field, .bytes($0)) }
        case 5: return take(4).map { (field, .bytes($0)) }
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let byte = bytes.popFirst() {
            result |= UInt64(byte & 127) << shift
            if byte < 128 { return result }
            shift += 7
        }
        return nil
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }
}

enum ProtoWriter {
    static func varint(_ value: UInt64, to output: inout [UInt8]) {
        var rest = value
        while rest >= 128 {
            output.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        output.append(UInt8(rest))
    }

    static func number(_ field: UInt64, _ value: UInt64, to output: inout [UInt8]) {
        if value == 0 { return }
        varint(field << 3, to: &output)
        varint(value, to: &output)
    }

    static func bytes(_ field: UInt64, _ value: some Collection<UInt8>, to output: inout [UInt8]) {
        varint(field << 3 | 2, to: &output)
        varint(UInt64(value.count), to: &output)
        output.append(contentsOf: value)
    }
}

/// ResponseParameters.
struct ReplyShape {
    var size = 0
    var intervalMicroseconds = 0
    var compressed = false

    init(_ bytes: ArraySlice<UInt8>) {
        var reader = ProtoReader(bytes)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (1, .number(let number)): size = Int(clamping: number)
            case (2, .number(let number)): intervalMicroseconds = Int(clamping: number)
            case (3, .bytes(let wrapped)): compressed = wrappedBool(wrapped)
            default: break
            }
        }
    }
}

/// SimpleRequest and StreamingOutputCallRequest, which share their field numbers where they share fields.
struct TestRequest {
    var responseSize = 0
    var payload: ArraySlice<UInt8> = []
    var responseCompressed = false
    var expectCompressed: Bool?
    var statusCode: Int?
    var statusMessage = ""
    var shapes: [ReplyShape] = []

    init(simple bytes: some Sequence<UInt8>) { read(bytes, streaming: false) }

    init(streaming bytes: some Sequence<UInt8>) { read(bytes, streaming: true) }

    private mutating func read(_ bytes: some Sequence<UInt8>, streaming: Bool) {
        var reader = ProtoReader(bytes)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (2, .number(let number)): responseSize = Int(clamping: number)
            case (2, .bytes(let shape)) where streaming: shapes.append(ReplyShape(shape))
            case (3, .bytes(let inner)): payload = payloadBody(inner)
            case (6, .bytes(let wrapped)): responseCompressed = wrappedBool(wrapped)
            case (7, .bytes(let status)): readStatus(status)
            case (8, .bytes(let wrapped)): expectCompressed = wrappedBool(wrapped)
            default: break
            }
        }
    }

    private mutating func readStatus(_ bytes: ArraySlice<UInt8>) {
        var reader = ProtoReader(bytes)
        statusCode = 0
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (1, .number(let number)): statusCode = Int(clamping: number)
            case (2, .bytes(let text)): statusMessage = String(decoding: text, as: UTF8.self)
            default: break
            }
        }
    }
}

func payloadBody(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var reader = ProtoReader(bytes)
    while let (field, value) = reader.next() {
        if case (2, .bytes(let body)) = (field, value) { return body }
    }
    return []
}

func wrappedBool(_ bytes: ArraySlice<UInt8>) -> Bool {
    var reader = ProtoReader(bytes)
    while let (field, value) = reader.next() {
        if case (1, .number(let number)) = (field, value) { return number != 0 }
    }
    return false
}

/// A message whose field 1 is a Payload of zeros: SimpleResponse and StreamingOutputCallResponse.
func appendPayloadMessage(size: Int, to output: inout [UInt8]) {
    let body = [UInt8](repeating: 0, count: max(0, min(size, 64 << 20)))
    var payload: [UInt8] = []
    ProtoWriter.bytes(2, body, to: &payload)
    ProtoWriter.bytes(1, payload, to: &output)
}
