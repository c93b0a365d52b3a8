/// The streams that closed last on a connection, so that frames which may still be on their way to us are told from
/// frames that no peer may send any more (RFC 9113, 5.1).
struct ClosedStreams {
    enum Closing {
        /// The peer had ended or reset it: no DATA or HEADERS may follow.
        case byPeer
        /// We ended it first: what the peer had sent before it knew still arrives.
        case byUs
    }

    /// As many as may be open at once by default: those of the last moments.
    private static let capacity = 256

    /// Stream numbers, each with 1 in the highest bit when the peer had closed it. Stream numbers have 31 bits.
    private var ring: [UInt32] = []
    private var next = 0
    /// The highest number that is no longer in the ring.
    private var forgotten: Int32 = 0

    mutating func add(_ id: Int32, _ closing: Closing) {
        let entry = UInt32(bitPattern: id) | (closing == .byPeer ? 1 << 31 : 0)
        if ring.count < Self.capacity {
            ring.append(entry)
        } else {
            forgotten = max(forgotten, Int32(bitPattern: ring[next] & ~(1 << 31)))
            ring[next] = entry
            next = (next + 1) % Self.capacity
        }
    }

    /// Whether a stream of that number would be known if it had been.
    func remembers(_ id: Int32) -> Bool { id > forgotten }

    /// Nil for a stream that never was, or closed long ago.
    func closing(of id: Int32) -> Closing? {
        let number = UInt32(bitPattern: id)
        for entry in ring where entry & ~(1 << 31) == number { return entry >> 31 == 1 ? .byPeer : .byUs }
        return nil
    }
}
