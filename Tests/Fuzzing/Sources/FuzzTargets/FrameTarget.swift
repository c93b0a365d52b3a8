extension FuzzTarget {
    /// HTTP/2 frames and HPACK over TLS, through the whole engine.
    ///
    /// An input is a list of frames, each a kind, flags, a stream and a length in one byte and as many bytes: altered
    /// ones stay frames. Kinds from 0xF0 stand for a header block of a good call followed by the bytes, a gRPC message
    /// in DATA, and bytes that are sent as they are.
    static let frames = FuzzTarget(
        "frames", trials: 400, maximumLength: 2_048,
        dictionary: ["\u{00}\u{07}x-bin", "\u{00}\u{08}x-refuse", "grpc-timeout", "gzip", "te", "trailers", "1S"],
        seeds: { FrameInput.seeds }, run: { LoopbackEngine.shared.exchange(FrameInput($0)) })
}

extension LoopbackEngine {
    func exchange(_ input: FrameInput) { exchange(input.bytes, awaitsAnswer: input.isWhole) }
}

/// The bytes of a connection made from an input.
struct FrameInput {
    private(set) var bytes: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    /// Nothing but frames: what is sent behind them is a frame too.
    private(set) var isWhole = true

    private enum Kind {
        static let call: UInt8 = 0xF0
        static let message: UInt8 = 0xF1
        static let raw: UInt8 = 0xF2
    }

    init(_ input: [UInt8]) {
        var input = FuzzInput(input)
        while !input.isAtEnd {
            let (kind, flags, stream) = (input.byte(), input.byte(), Self.stream(input.byte()))
            let payload = input.short()
            switch kind {
            case Kind.call:
                append(type: 1, flags: flags & 0x0D ^ 0x04, stream, Self.call(flags >> 5) + payload)
            case Kind.message:
                let length = payload.count
                append(
                    type: 0, flags: flags & 0x01, stream,
                    [flags >> 7, 0, 0, 0, UInt8(truncatingIfNeeded: length)] + payload)
            case Kind.raw:
                bytes += payload
                isWhole = false
            default: append(type: kind, flags: flags, stream, payload)
            }
        }
    }

    /// Small numbers are the client's own streams; with the highest bit the number itself.
    private static func stream(_ byte: UInt8) -> UInt32 {
        byte < 0x40 ? UInt32(byte) * 2 + 1 : UInt32(byte & 0x3F)
    }

    private mutating func append(type: UInt8, flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) {
        let length = payload.count
        bytes += [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) }
        bytes += payload
    }

    /// The header block of a call of the method with that number, without Huffman codes and without the table.
    private static func call(_ method: UInt8) -> [UInt8] {
        let path = LoopbackMethods.paths[Int(method) % LoopbackMethods.paths.count]
        return [0x83, 0x87] + literal(index: 4, path) + literal(index: 1, "localhost")
            + literal("te", "trailers") + literal("content-type", "application/grpc")
    }

    static func literal(index: UInt8, _ value: String) -> [UInt8] { [index] + text(value) }

    static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + text(name) + text(value) }

    private static func text(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count & 0x7F)] + Array(text.utf8.prefix(127))
    }

    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        [kind, flags, stream, UInt8(payload.count)] + payload
    }

    /// Calls of every method and one of each kind of frame.
    static var seeds: [[UInt8]] {
        var seeds: [[UInt8]] = []
        for method in UInt8(0)..<5 {
            let whole = frame(Kind.message, 0x01, 0, Array("hello".utf8))
            seeds.append(frame(Kind.call, method << 5, 0, literal("grpc-timeout", "5S")) + whole)
            seeds.append(
                frame(Kind.call, method << 5, 0, literal("grpc-accept-encoding", "gzip") + literal("x-bin", "AQID,BA"))
                    + frame(Kind.message, 0, 0, Array("zip me zip me zip me".utf8)) + frame(Kind.message, 0, 0, [33])
                    + frame(0, 0x01, 0))
        }
        let open = frame(Kind.call, 0, 0) + frame(Kind.call, 0x60, 1)
        // A gzip member of the text "hello".
        let packed: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 7, 0, 0x86, 0xA6, 0x10, 0x36, 5, 0, 0, 0,
        ]
        seeds.append(frame(Kind.call, 0, 0, literal("grpc-encoding", "gzip")) + frame(Kind.message, 0x81, 0, packed))
        seeds.append(
            open + frame(3, 0, 0, [0, 0, 0, 8]) + frame(8, 0, 1, [0, 0, 1, 0]) + frame(8, 0, 0x40, [0, 1, 0, 0]))
        seeds.append(open + frame(4, 0, 0x40, [0, 4, 0, 0, 0, 0, 0, 5, 0, 0, 0x40, 0]) + frame(4, 1, 0x40))
        seeds.append(open + frame(6, 0, 0x40, Array("12345678".utf8)) + frame(2, 0, 0, [0, 0, 0, 3, 16]))
        seeds.append(open + frame(7, 0, 0x40, [0, 0, 0, 0, 0, 0, 0, 0]) + frame(0, 0x09, 0, [2, 104, 0, 0]))
        // A header block in two frames; one with padding and priority; a table that shrinks; Huffman codes.
        seeds.append(frame(Kind.call, 0x04, 0, [0x40, 1, 97]) + frame(9, 0x04, 0, [1, 98, 0xBE]))
        seeds.append(
            frame(1, 0x2C, 0, [1, 0, 0, 0, 0, 16, 0x82, 0x87, 0x84, 0]) + frame(1, 0x05, 1, [0x3F, 0xE1, 0x1F, 0x83]))
        seeds.append(
            frame(
                1, 0x05, 0,
                [0x20, 0x83, 0x87, 0x41, 0x8C, 0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB, 0x90, 0xF4, 0xFF]))
        seeds.append(open + frame(0x10, 0, 0x40, [0, 0, 0, 1, 117, 61, 51]) + frame(0xEE, 0, 0x40, [1]))
        seeds.append(open + frame(Kind.raw, 0, 0, [0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0]))
        return seeds
    }
}
