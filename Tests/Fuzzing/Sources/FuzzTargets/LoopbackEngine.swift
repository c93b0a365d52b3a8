import COpenSSL
import Foundation
import Glibc
import RPCEngine

/// A server of the engine in this process, and TLS connections to it over loopback. Unchecked: used by one thread at a
/// time; what it holds does not change.
final class LoopbackEngine: @unchecked Sendable {
    static let shared = LoopbackEngine()

    let server: Server
    private let port: UInt16
    /// SSL_CTX of the clients; as long as the process.
    private let context: OpaquePointer
    /// Connections come from addresses in turn, so that the ports of closed ones are not used up.
    private var made: UInt32 = 0

    private init() {
        do {
            let folder = try Self.makeCertificate()
            var limits = Limits()
            // Far above what a single input can do, so that inputs are answered rather than refused for their number.
            limits.maxMessageBytes = 64 << 10
            server = try Server(
                configuration: ServerConfiguration(
                    loops: 1,
                    tls: TLSConfiguration(
                        certificateChainPEM: folder + "/fuzz.pem", keyPEM: folder + "/fuzz.key"),
                    limits: limits, methods: LoopbackMethods.all, interceptor: LoopbackInterceptor()))
            port = try server.start().port
        } catch { broken("the engine starts: \(error)") }
        guard let context = SSL_CTX_new(TLS_client_method()) else { broken("a TLS context") }
        let protocols: [UInt8] = [2, UInt8(ascii: "h"), UInt8(ascii: "2")]
        require(SSL_CTX_set_alpn_protos(context, protocols, 3) == 0, "ALPN")
        self.context = context
    }

    private static func makeCertificate() throws -> String {
        let folder = FileManager.default.temporaryDirectory.path + "/fuzz-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
            .split(separator: " ").map(String.init) + ["-keyout", folder + "/fuzz.key", "-out", folder + "/fuzz.pem"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        require(process.terminationStatus == 0, "openssl makes a certificate")
        return folder
    }

    /// Sends the bytes on a connection of their own. With an answer awaited, reads until a PING behind the bytes is
    /// answered or the server ends the connection; then closes and waits until nothing of it is left.
    func exchange(_ bytes: [UInt8], awaitsAnswer: Bool) {
        let fd = connect()
        guard let ssl = SSL_new(context) else { broken("memory for a client") }
        SSL_set_fd(ssl, fd)
        require(Self.uninterrupted { SSL_connect(ssl) } == 1, "the handshake succeeds")
        let all = awaitsAnswer ? bytes + Self.ping : bytes
        // Fails when the server has ended the connection meanwhile.
        let sent = all.isEmpty || Self.uninterrupted { SSL_write(ssl, all, Int32(all.count)) } > 0
        if awaitsAnswer, sent { readToPing(ssl) }
        ERR_clear_error()
        SSL_shutdown(ssl)
        SSL_free(ssl)
        close(fd)
        waitUntilQuiet()
    }

    private func connect() -> Int32 {
        made &+= 1
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        require(fd >= 0, "a socket")
        // Nobody waits longer for an answer, whatever else the machine does.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var from = Self.address(host: 2 + made % 200, port: 0)
        var to = Self.address(host: 1, port: port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        func with(_ address: inout sockaddr_in, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            // The same bytes seen as the general address that both calls take.
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(fd, $0, size) }
            }
        }
        require(with(&from) { Glibc.bind($0, $1, $2) } == 0, "an address to come from")
        var result = with(&to) { Glibc.connect($0, $1, $2) }
        // An interrupted one goes on; asked again, the system waits for it.
        while result != 0, errno == EINTR || errno == EALREADY { result = with(&to) { Glibc.connect($0, $1, $2) } }
        require(result == 0 || errno == EISCONN, "a connection: error \(errno)")
        return fd
    }

    private static func address(host: UInt32, port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | host).bigEndian
        return address
    }

    private static let mark: [UInt8] = Array("fuzzdone".utf8)
    private static let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0] + mark

    /// libFuzzer looks at its clock by a signal, which interrupts calls.
    private static func uninterrupted(_ call: () -> Int32) -> Int32 {
        while true {
            ERR_clear_error()
            errno = 0
            let result = call()
            if result > 0 || errno != EINTR { return result }
        }
    }

    private func readToPing(_ ssl: OpaquePointer) {
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Self.uninterrupted { SSL_read(ssl, &buffer, Int32(buffer.count)) }
            if count <= 0 {
                let isSilent = errno == EAGAIN && SSL_get_error(ssl, count) == SSL_ERROR_SYSCALL
                // Want-read on a blocking socket is what a time-out looks like.
                require(!isSilent && SSL_get_error(ssl, count) != SSL_ERROR_WANT_READ, "a PING is answered in 20 s")
                return
            }
            input.append(contentsOf: buffer[..<Int(count)])
            while input.count >= 9 {
                let length = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
                guard input.count >= 9 + length else { break }
                if input[3] == 6, input[4] == 1, input[9..<9 + length].elementsEqual(Self.mark) { return }
                input.removeFirst(9 + length)
            }
        }
    }

    private func waitUntilQuiet() {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(20))
        while server.statistics.connectionsOpen > 0 {
            require(clock.now < end, "a closed connection is let go within 20 s")
            sched_yield()
        }
        require(server.statistics.callsOpen == 0, "no call outlives its connection")
    }
}

private struct LoopbackInterceptor: CallInterceptor {
    func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {
        _ = (call.authority, call.path, call.deadline)
        call.metadata.forEach { _, _ in }
        if let value = call.metadata.binary("x-bin") {
            call.initialMetadata.append(("x-count", "\(value.count)"))
        }
        if let text = call.metadata["x-refuse"] { throw RPCStatus(.permissionDenied, text) }
    }
}

/// One method of each kind; messages are plain bytes.
enum LoopbackMethods {
    static let paths = [
        "/fuzz.Fuzz/Echo", "/fuzz.Fuzz/Later", "/fuzz.Fuzz/Many", "/fuzz.Fuzz/Both", "/fuzz.Fuzz/Small",
    ]

    static let all: [MethodEntry] = [
        MethodEntry(path: paths[0], handler: .unary(echo)),
        MethodEntry(
            path: paths[1],
            handler: .deferrable { _, request throws(RPCStatus) in
                let message = request.withUnsafeBytes { Array($0) }
                return message.count.isMultiple(of: 2)
                    ? .now { reply throws(RPCStatus) in reply.append(contentsOf: message) }
                    : .later { $0.finish(.success(message)) }
            }),
        MethodEntry(
            path: paths[2],
            handler: .serverStream { call, message throws(RPCStatus) in
                call.compressReply = true
                return Many(message.withUnsafeBytes { Array($0) })
            }),
        MethodEntry(path: paths[3], handler: .bidirectional { _, writer throws(RPCStatus) in Both(writer) }),
        MethodEntry(path: paths[4], handler: .unary(echo), maxMessageBytes: 16),
    ]

    @Sendable private static func echo(
        _ call: CallContext, _ message: RawSpan, _ reply: inout [UInt8]
    ) throws(RPCStatus) {
        message.withUnsafeBytes { reply.append(contentsOf: $0) }
        call.compressReply = reply.first == UInt8(ascii: "z")
        if reply.first == UInt8(ascii: "!") { throw RPCStatus(.aborted, String(decoding: reply, as: UTF8.self)) }
    }

    /// Its message once for each of its bytes.
    private final class Many: MessageSource {
        private let message: [UInt8]
        private var left: Int

        init(_ message: [UInt8]) {
            self.message = message
            left = min(message.count, 64)
        }

        func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
            guard left > 0 else { return .end }
            left -= 1
            reply = message
            return .message
        }
    }

    private final class Both: MessageReceiver {
        private let writer: StreamWriter

        init(_ writer: StreamWriter) { self.writer = writer }

        func receive(_ message: [UInt8]) throws(RPCStatus) {
            if message.first == UInt8(ascii: "!") { throw RPCStatus(.aborted, "asked to") }
            if writer.send(message) == .full { writer.pauseReading() }
        }

        func writable() { writer.resumeReading() }

        func halfClosed() throws(RPCStatus) { writer.finish() }
    }
}
