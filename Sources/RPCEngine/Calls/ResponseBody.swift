import Glibc

/// Framed reply bytes of one call that wait for the peer's window: a queue of small messages, then at most one large
/// one, which is sent from the array that the handler filled, without a copy.
struct ResponseBody {
    private var small: [UInt8] = []
    private var smallOffset = 0
    private var large: [UInt8] = []
    private var largeOffset = 0
    /// The large one is no message of ours, and others may hold it too: its memory is not kept.
    private var isRaw = false

    /// Messages up to this size are copied behind each other, so that they share DATA frames.
    private static let smallLimit = 4_096
    private static let keptCapacity = 16_384

    /// The memory behind it, in bytes.
    var capacity: Int { small.capacity + large.capacity }

    var count: Int { small.count - smallOffset + large.count - largeOffset }

    /// A large message has to leave before another one may come.
    var takesMore: Bool { large.isEmpty }

    /// Adds a message. A large one is taken over: the array comes back empty, with the memory of an earlier message.
    mutating func add(_ message: inout [UInt8], compressed: Bool) {
        let length = UInt32(truncatingIfNeeded: message.count)
        withUnsafeBytes(of: (compressed ? UInt8(1) : 0, length.bigEndian)) { raw in
            // The tuple is flag, three bytes of padding, length: 1 and 4 bytes of it make the prefix.
            small.append(raw[0])
            small.append(contentsOf: raw[4..<8])
        }
        if message.count <= Self.smallLimit, takesMore {
            small.append(contentsOf: message)
            message.removeAll(keepingCapacity: true)
        } else {
            swap(&large, &message)
            message.removeAll(keepingCapacity: true)
        }
    }

    /// Adds bytes that are no message, taken over likewise; only to an empty body.
    mutating func add(raw bytes: inout [UInt8]) {
        swap(&large, &bytes)
        largeOffset = 0
        isRaw = true
    }

    /// Moves bytes out; `length` must not be above ``count``.
    mutating func copyOut(to target: UnsafeMutablePointer<UInt8>, length: Int) {
        let first = min(length, small.count - smallOffset)
        if first > 0 {
            small.withUnsafeBufferPointer { buffer in
                // smallOffset + first <= small.count; the caller has room for `length` bytes.
                if let base = buffer.baseAddress { _ = memcpy(target, base + smallOffset, first) }
            }
            smallOffset += first
            if smallOffset == small.count {
                small.removeAll(keepingCapacity: small.capacity <= Self.keptCapacity)
                smallOffset = 0
            }
        }
        let second = min(length - first, large.count - largeOffset)
        guard second > 0 else { return }
        large.withUnsafeBufferPointer { buffer in
            // largeOffset + second <= large.count.
            if let base = buffer.baseAddress { _ = memcpy(target + first, base + largeOffset, second) }
        }
        largeOffset += second
        if largeOffset == large.count {
            letGoOfLarge()
        }
    }

    private mutating func letGoOfLarge() {
        large.removeAll(keepingCapacity: !isRaw && large.capacity <= Self.keptCapacity)
        largeOffset = 0
        isRaw = false
    }

    /// Takes the memory of an earlier reply for the next one.
    mutating func takeStorage() -> [UInt8] {
        guard large.isEmpty else { return [] }
        var storage: [UInt8] = []
        swap(&storage, &large)
        return storage
    }

    /// Keeps the memory of an array for ``takeStorage()``.
    mutating func keep(_ storage: inout [UInt8]) {
        if large.isEmpty, storage.capacity <= Self.keptCapacity {
            swap(&storage, &large)
            large.removeAll(keepingCapacity: true)
        }
    }

    mutating func reset() {
        small.removeAll(keepingCapacity: small.capacity <= Self.keptCapacity)
        letGoOfLarge()
        smallOffset = 0
    }
}
