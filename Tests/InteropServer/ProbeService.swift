import Dispatch
import RPCEngine
import Synchronization

/// Methods that the engine's own tests need; their messages are plain bytes.
enum ProbeService {
    static let methods: [MethodEntry] = [
        MethodEntry(
            path: "/probe.Probe/Echo",
            handler: .unary { _, message, reply throws(RPCStatus) in
                message.withUnsafeBytes { reply.append(contentsOf: $0) }
            }),
        MethodEntry(
            path: "/probe.Probe/Kilobyte",
            handler: .unary { _, _, reply throws(RPCStatus) in reply.append(contentsOf: kilobyte) }),
        MethodEntry(path: "/probe.Probe/Peer", handler: .unary(peer)),
        MethodEntry(path: "/probe.Probe/Fail", handler: .unary(fail)),
        MethodEntry(
            path: "/probe.Probe/Small",
            handler: .unary { _, message, reply throws(RPCStatus) in
                message.withUnsafeBytes { reply.append(contentsOf: $0) }
            }, maxMessageBytes: 1_000),
        MethodEntry(
            path: "/probe.Probe/Later",
            handler: .deferrable { _, request throws(RPCStatus) in
                let message = request.withUnsafeBytes { Array($0) }
                // The message is a number of milliseconds in decimal.
                let delay = Int(String(decoding: message, as: UTF8.self)) ?? 0
                return .later { responder in
                    responder.onCancel { cancelled.wrappingAdd(1, ordering: .relaxed) }
                    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) {
                        responder.finish(.success(message))
                    }
                }
            }),
        MethodEntry(
            path: "/probe.Probe/Endless",
            handler: .serverStream { _, message throws(RPCStatus) in
                Endless(size: message.byteCount)
            }),
        MethodEntry(
            path: "/probe.Probe/Silent",
            handler: .serverStream { _, _ throws(RPCStatus) in Silent() }),
        MethodEntry(
            path: "/probe.Probe/Watch",
            handler: .serverStream { call, _ throws(RPCStatus) in Watch(call.makeWaker()) }),
        MethodEntry(
            path: "/probe.Probe/SlowReader",
            handler: .bidirectional { _, writer throws(RPCStatus) in SlowReader(writer) }),
        MethodEntry(
            path: "/probe.Probe/DrainAware",
            handler: .bidirectional { _, writer throws(RPCStatus) in DrainAware(writer) }),
    ]

    static let kilobyte = [UInt8](repeating: 0x61, count: 1_024)
    static let cancelled = Atomic<Int>(0)
    static let sourcesOpen = Atomic<Int>(0)

    /// `verification|revision|generation|subject|URI names by comma`.
    @Sendable private static func peer(
        _ call: CallContext, _ message: RawSpan, _ reply: inout [UInt8]
    ) throws(RPCStatus) {
        let connection = call.connection
        guard let peer = connection.peerCertificate else {
            reply.append(contentsOf: "none".utf8)
            return
        }
        let verdict =
            switch peer.verification {
            case .trusted: "trusted"
            case .expired: "expired"
            case .failed(let reason): "failed \(reason)"
            }
        let names = peer.uriSANs.joined(separator: ",")
        let facts = "\(peer.serial.count > 0)|\(peer.fingerprint.count)|\(peer.derEncoded().count > 200)"
        reply.append(
            contentsOf:
                "\(verdict)|\(connection.peerRevision)|\(connection.tlsGeneration)|\(peer.subject)|\(names)|\(facts)"
                .utf8)
    }

    @Sendable private static func fail(
        _ call: CallContext, _ message: RawSpan, _ reply: inout [UInt8]
    ) throws(RPCStatus) {
        call.trailers.append(("x-more", "yes"))
        call.trailers.append(("x-split", "a\r\nb"))
        call.trailers.append(("grpc-status", "0"))
        throw RPCStatus(.failedPrecondition, "käse % \n", details: [1, 2, 3], trailers: [("x-extra", "1")])
    }
}

/// Messages of one size until the peer has enough.
final class Endless: MessageSource {
    private let message: [UInt8]

    init(size: Int) {
        message = [UInt8](repeating: 0x62, count: max(1, size))
        ProbeService.sourcesOpen.wrappingAdd(1, ordering: .relaxed)
    }

    deinit { ProbeService.sourcesOpen.wrappingSubtract(1, ordering: .relaxed) }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        reply.append(contentsOf: message)
        return .message
    }

    func cancel() { ProbeService.cancelled.wrappingAdd(1, ordering: .relaxed) }
}

/// Never says anything; ends when the server drains.
final class Watch: MessageSource {
    private let waker: StreamWaker
    private var isDraining = false

    init(_ waker: StreamWaker) { self.waker = waker }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        if isDraining { throw RPCStatus(.unavailable, "draining") }
        return .pending
    }

    func draining() {
        isDraining = true
        waker.wake()
    }
}

/// Never says anything and never ends.
final class Silent: MessageSource {
    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep { .pending }

    func cancel() { ProbeService.cancelled.wrappingAdd(1, ordering: .relaxed) }
}

/// Takes one message, then reads no more until 200 ms later, again and again; answers each with its size.
final class SlowReader: MessageReceiver {
    private let writer: StreamWriter

    init(_ writer: StreamWriter) { self.writer = writer }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        writer.pauseReading()
        writer.send(Array(String(message.count).utf8))
        let writer = writer
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) { writer.resumeReading() }
    }

    func halfClosed() throws(RPCStatus) { writer.finish() }
}

/// Echoes, and ends by itself when told that the server drains.
final class DrainAware: MessageReceiver {
    private let writer: StreamWriter

    init(_ writer: StreamWriter) { self.writer = writer }

    func receive(_ message: [UInt8]) throws(RPCStatus) { writer.send(message) }

    func halfClosed() throws(RPCStatus) { writer.finish() }

    func draining() { writer.finish(RPCStatus(.unavailable, "draining")) }
}
