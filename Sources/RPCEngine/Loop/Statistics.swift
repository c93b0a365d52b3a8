import Synchronization

/// Totals since the start, summed over all event loops.
public struct ServerStatistics: Sendable {
    public var connectionsAccepted: UInt64 = 0
    public var connectionsRefused: UInt64 = 0
    public var connectionsOpen: UInt64 = 0
    public var handshakes: UInt64 = 0
    public var handshakesFailed: UInt64 = 0
    public var callsStarted: UInt64 = 0
    public var callsFinished: UInt64 = 0
    public var streamsRefused: UInt64 = 0
    public var abuse: UInt64 = 0
    /// Plain bytes of HTTP/2, before TLS.
    public var bytesReceived: UInt64 = 0
    public var bytesSent: UInt64 = 0

    public var callsOpen: UInt64 { callsStarted &- min(callsStarted, callsFinished) }
}

/// A number that one loop writes and anybody reads.
struct Counter: ~Copyable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .relaxed) }

    func increment() { add(1) }

    func add(_ amount: UInt64) {
        // One writer: a plain load and store, no locked instruction.
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

/// The numbers of one loop.
final class LoopStatistics: Sendable {
    let accepted = Counter()
    let refused = Counter()
    let closed = Counter()
    let handshakes = Counter()
    let handshakesFailed = Counter()
    let callsStarted = Counter()
    let callsFinished = Counter()
    let streamsRefused = Counter()
    let abuse = Counter()
    let bytesReceived = Counter()
    let bytesSent = Counter()

    func add(to total: inout ServerStatistics) {
        total.connectionsAccepted &+= accepted.current
        total.connectionsRefused &+= refused.current
        total.connectionsOpen &+= accepted.current &- min(accepted.current, closed.current)
        total.handshakes &+= handshakes.current
        total.handshakesFailed &+= handshakesFailed.current
        total.callsStarted &+= callsStarted.current
        total.callsFinished &+= callsFinished.current
        total.streamsRefused &+= streamsRefused.current
        total.abuse &+= abuse.current
        total.bytesReceived &+= bytesReceived.current
        total.bytesSent &+= bytesSent.current
    }
}
