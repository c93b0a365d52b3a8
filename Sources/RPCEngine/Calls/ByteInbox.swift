import Glibc

/// Bytes received and not yet handled: one growing block of memory that is reused from call to call.
/// It grows with what has arrived, never with what a length prefix announces.
struct ByteInbox {
    private var base: UnsafeMutablePointer<UInt8>?
    private(set) var capacity = 0
    private var start = 0
    private var end = 0

    /// Memory kept for the next call; larger blocks are given back.
    private static let keptCapacity = 16_384

    var count: Int { end - start }

    /// The unread bytes. Valid until the next mutation.
    var bytes: UnsafeRawBufferPointer {
        // In bounds: start <= end <= capacity.
        guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + start, count: end - start)
    }

    /// Bytes by which the block would have to grow for `length` more, of `expected` in all if that is known.
    func growth(for length: Int, of expected: Int) -> Int {
        if count + length <= capacity { return 0 }
        return max(min(max(capacity * 2, 1_024), expected), count + length) - capacity
    }

    /// False when memory is short.
    mutating func append(_ source: UnsafePointer<UInt8>, _ length: Int, of expected: Int = .max) -> Bool {
        if end + length > capacity, !makeRoom(for: length, of: expected) { return false }
        guard let base else { return length == 0 }
        // makeRoom has made sure that end + length <= capacity.
        memcpy(base + end, source, length)
        end += length
        return true
    }

    private mutating func makeRoom(for length: Int, of expected: Int) -> Bool {
        if start > 0, let base {
            // Moves the unread bytes to the front; both ranges lie inside the block.
            memmove(base, base + start, end - start)
            end -= start
            start = 0
        }
        if end + length <= capacity { return true }
        let wanted = capacity + growth(for: length, of: expected)
        // realloc keeps the first `end` bytes; the old pointer is not used after it.
        guard let grown = realloc(base, wanted) else { return false }
        base = grown.assumingMemoryBound(to: UInt8.self)
        capacity = wanted
        return true
    }

    mutating func consume(_ length: Int) {
        start = min(end, start + length)
        if start == end {
            start = 0
            end = 0
        }
    }

    mutating func reset() {
        start = 0
        end = 0
        if capacity > Self.keptCapacity { release() }
    }

    /// Gives the memory back; the inbox is empty and usable after it.
    mutating func release() {
        free(base)
        base = nil
        capacity = 0
        start = 0
        end = 0
    }
}
