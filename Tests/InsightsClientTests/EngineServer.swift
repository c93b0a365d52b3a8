import Dispatch
import Foundation
import RPCEngine
import Synchronization

/// A server of plain bytes on our own engine, within the process of the tests.
final class EngineServer: Sendable {
    struct Counts {
        var cancelled = 0
        var received = 0
        var produced = 0
        var deadlines = 0
    }

    static let counts = Mutex(Counts())

    let server: Server
    let port: Int

    init(port: Int = 0, clientAuthority: String? = nil, _ change: (inout Limits) -> Void = { _ in }) throws {
        let certificates = TestCertificates.folder
        var limits = Limits()
        change(&limits)
        server = try Server(
            configuration: ServerConfiguration(
                port: UInt16(port), loops: 1,
                tls: TLSConfiguration(
                    certificateChainPEM: "\(certificates)/server.pem", keyPEM: "\(certificates)/server.key",
                    clientCAPEM: clientAuthority),
                limits: limits, methods: Self.methods, interceptor: Interceptor()))
        self.port = Int(try server.start().port)
        Self.counts.withLock { $0 = Counts() }
    }

    private struct Interceptor: CallInterceptor {
        func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {
            if call.deadline != nil { EngineServer.counts.withLock { $0.deadlines += 1 } }
            if let value = call.metadata.binary("x-echo-bin") {
                call.initialMetadata.append(("x-echo-bin", Metadata.encodeBinary(value)))
                call.trailers.append(("x-trailer", call.metadata["x-text"] ?? ""))
            }
        }
    }

    private static let methods: [MethodEntry] = [
        MethodEntry(
            path: "/probe.Probe/Echo",
            handler: .unary { _, message, reply throws(RPCStatus) in
                message.withUnsafeBytes { reply.append(contentsOf: $0) }
            }),
        MethodEntry(
            path: "/probe.Probe/Peer",
            handler: .unary { call, _, reply throws(RPCStatus) in
                let name = call.connection.peerCertificate?.uriSANs.first ?? "nobody"
                reply.append(contentsOf: name.utf8)
            }),
        MethodEntry(
            path: "/probe.Probe/Fail",
            handler: .unary { _, _, _ throws(RPCStatus) in
                throw RPCStatus(.failedPrecondition, "käse % \n", details: [1, 2, 3], trailers: [("x-extra", "1")])
            }),
        MethodEntry(
            path: "/probe.Probe/Later",
            handler: .deferrable { _, request throws(RPCStatus) in
                let message = request.withUnsafeBytes { Array($0) }
                let delay = Int(String(decoding: message, as: UTF8.self)) ?? 0
                return .later { responder in
                    responder.onCancel { EngineServer.counts.withLock { $0.cancelled += 1 } }
                    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) {
                        responder.finish(.success(message))
                    }
                }
            }),
        MethodEntry(
            path: "/probe.Probe/Endless",
            handler: .serverStream { _, message throws(RPCStatus) in Endless(message.byteCount) }),
        MethodEntry(
            path: "/probe.Probe/SlowReader",
            handler: .bidirectional { _, writer throws(RPCStatus) in SlowReader(writer) }),
    ]

    /// Messages of one size without end.
    private final class Endless: MessageSource {
        private let message: [UInt8]

        init(_ size: Int) { message = [UInt8](repeating: 0x62, count: size) }

        func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
            reply.append(contentsOf: message)
            EngineServer.counts.withLock { $0.produced += 1 }
            return .message
        }

        func cancel() { EngineServer.counts.withLock { $0.cancelled += 1 } }
    }

    /// Takes a message every two milliseconds and answers it with its size.
    private final class SlowReader: MessageReceiver {
        private let writer: StreamWriter

        init(_ writer: StreamWriter) { self.writer = writer }

        func receive(_ message: [UInt8]) throws(RPCStatus) {
            EngineServer.counts.withLock { $0.received += 1 }
            writer.pauseReading()
            writer.send(Array(String(message.count).utf8))
            let writer = writer
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2)) { writer.resumeReading() }
        }

        func halfClosed() throws(RPCStatus) { writer.finish() }

        func cancelled(_ status: RPCStatus?) { EngineServer.counts.withLock { $0.cancelled += 1 } }
    }

    func stop(grace: Duration = .zero) { server.drain(grace: grace) }

    var connectionsAccepted: Int { Int(server.statistics.connectionsAccepted) }
}
