import CNghttp2

/// Follows the frame headers of a connection's input (RFC 9113, 4.1), for the few frames that nghttp2 drops without
/// telling anybody. Looks at bytes before nghttp2 has them and changes none.
struct FrameScanner {
    /// What a frame's header says, and the first bytes of its payload as far as they came along.
    struct Frame {
        let length: Int
        let type: UInt8
        let stream: Int32
        /// The first four bytes of the payload, most significant first; nil when they are not there.
        let firstWord: UInt32?
    }

    private static let headerBytes = 9

    /// Bytes to pass over until the next header; at first the preface's 24.
    private var skip = 24
    /// A header of which only a part has come, most significant first.
    private var partial: (high: UInt64, low: UInt8, count: Int) = (0, 0, 0)

    /// Calls `body` with each frame whose header ends in `bytes`, until it says stop.
    mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (Frame) -> Bool) {
        var place = 0
        while place < bytes.count {
            if skip > 0 {
                let step = min(skip, bytes.count - place)
                skip -= step
                place += step
                continue
            }
            // Eight bytes in one number, the ninth beside it: a header may come in pieces.
            if partial.count < Self.headerBytes - 1 {
                partial.high = partial.high << 8 | UInt64(bytes[place])
            } else {
                partial.low = bytes[place]
            }
            partial.count += 1
            place += 1
            guard partial.count == Self.headerBytes else { continue }
            let length = Int(partial.high >> 40)
            let word = place + 4 <= bytes.count && length >= 4 ? Self.word(bytes, place) : nil
            let frame = Frame(
                length: length, type: UInt8(truncatingIfNeeded: partial.high >> 32),
                stream: Int32(bitPattern: UInt32(truncatingIfNeeded: partial.high) << 8 | UInt32(partial.low))
                    & Int32.max,
                firstWord: word)
            partial = (0, 0, 0)
            skip = length
            if !body(frame) { return }
        }
    }

    private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt32 {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
