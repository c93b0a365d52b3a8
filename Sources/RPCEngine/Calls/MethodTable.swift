import Glibc
import Synchronization

/// A method with its position; a class, so that calls refer to it without copying closures and texts.
final class Route: Sendable {
    let entry: MethodEntry
    let index: Int
    let path: [UInt8]
    let maxMessageBytes: Int
    /// The largest reply of late, in bytes.
    private let largestReply = Atomic<Int>(0)

    init(entry: MethodEntry, index: Int, limit: Int) {
        self.entry = entry
        self.index = index
        path = Array(entry.path.utf8)
        maxMessageBytes = min(entry.maxMessageBytes ?? limit, limit)
    }

    /// What the next reply of a deferred method will probably weigh, in bytes.
    var expectedReplyBytes: Int { max(entry.expectedReplyBytes, largestReply.load(ordering: .relaxed)) }

    /// Learns from a reply. Loops that note at the same moment may lose one, which the next brings back.
    func noteReply(_ bytes: Int) {
        guard bytes > entry.expectedReplyBytes || largestReply.load(ordering: .relaxed) > 0 else { return }
        let before = largestReply.load(ordering: .relaxed)
        largestReply.store(max(bytes, before - before / 64), ordering: .relaxed)
    }
}

/// Finds a method by the bytes of its path: an open-addressing table filled once, so that no call makes a `String`.
struct MethodTable: Sendable {
    private let slots: [Route?]
    private let mask: Int
    let routes: [Route]

    init(_ methods: [MethodEntry], limits: Limits) throws(EngineError) {
        var size = 16
        while size < methods.count * 4 { size *= 2 }
        var slots = [Route?](repeating: nil, count: size)
        var routes: [Route] = []
        for (index, entry) in methods.enumerated() {
            let route = Route(entry: entry, index: index, limit: limits.maxMessageBytes)
            guard route.path.first == UInt8(ascii: "/"), route.path.count <= 1_024 else {
                throw .configuration("method path \(entry.path) is not /package.Service/Method")
            }
            var position = route.path.withUnsafeBufferPointer { MethodTable.hash($0) } & (size - 1)
            while let other = slots[position] {
                if other.path == route.path { throw .configuration("method \(entry.path) is registered twice") }
                position = (position + 1) & (size - 1)
            }
            slots[position] = route
            routes.append(route)
        }
        self.slots = slots
        self.routes = routes
        mask = size - 1
    }

    func find(_ path: UnsafeBufferPointer<UInt8>) -> Route? {
        guard let wanted = path.baseAddress else { return nil }
        var position = MethodTable.hash(path) & mask
        while let route = slots[position] {
            if route.path.count == path.count,
                // Both hold path.count bytes.
                route.path.withUnsafeBufferPointer({ memcmp($0.baseAddress ?? wanted, wanted, path.count) == 0 })
            {
                return route
            }
            position = (position + 1) & mask
        }
        return nil
    }

    /// Multiply and fold, eight bytes at a time. A peer can make paths collide; it then walks a short, fixed chain.
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var state = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        let raw = UnsafeRawBufferPointer(bytes)
        while index + 8 <= bytes.count {
            // index + 8 <= count.
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            state = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
            state ^= state >> 32
            index += 8
        }
        var tail: UInt64 = 0
        while index < bytes.count {
            tail = tail << 8 | UInt64(bytes[index])
            index += 1
        }
        state = (state ^ tail) &* 0xD6E8_FEB8_6659_FD93
        return Int(truncatingIfNeeded: (state ^ state >> 32) & 0x7FFF_FFFF)
    }
}
