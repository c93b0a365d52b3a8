import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Testing

@testable import Authentication

/// A server with a certificate of its own for `localhost`, which does what the path says.
final class KeyServer {
    let folder: TemporaryFolder
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    var port: Int { channel.localAddress?.port ?? 0 }
    var certificatePath: String { folder.path + "/cert.pem" }

    struct NoCertificate: Error {}

    init(body: [UInt8]) throws {
        folder = try TemporaryFolder()
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
            folder.path + "/key.pem", "-out", folder.path + "/cert.pem",
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw NoCertificate() }
        let chain = try NIOSSLCertificate.fromPEMFile(folder.path + "/cert.pem").map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(file: folder.path + "/key.pem", format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = try ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Behavior(body: body))
                }
            }
            .bind(host: "localhost", port: 0).wait()
    }

    deinit {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }

    private final class Behavior: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let body: [UInt8]

        init(body: [UInt8]) {
            self.body = body
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            switch head.uri {
            case "/keys": answer(context, .ok, body)
            case "/huge": answer(context, .ok, [UInt8](repeating: 0x20, count: 10 << 20))
            case "/redirect": answer(context, .found, [], ["location": "http://127.0.0.1:1/keys"])
            case "/broken": answer(context, .internalServerError, body)
            case "/half": answer(context, .ok, body, ["content-length": "\(body.count + 5)"])
            case "/silent": break
            default: answer(context, .notFound, [])
            }
        }

        private func answer(
            _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ body: [UInt8],
            _ headers: HTTPHeaders = [:]
        ) {
            var headers = headers
            headers.replaceOrAdd(name: "connection", value: "close")
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

@Suite struct HTTPSFetchTests {
    private func fetch(
        _ server: KeyServer, _ path: String, host: String = "localhost", trusting: Bool = true
    ) throws -> [UInt8] {
        var settings = KeySettings()
        settings.timeoutSeconds = path == "/silent" ? 0.5 : 10
        settings.trustRootsFile = trusting ? server.certificatePath : nil
        let address = try #require(HTTPSAddress("https://\(host):\(server.port)\(path)"))
        return try HTTPSKeySetFetcher().fetch(address, settings: settings)
    }

    @Test func fetchesWhatItMay() throws {
        let body = Array(#"{"keys":[]}"#.utf8)
        let server = try KeyServer(body: body)
        #expect(try fetch(server, "/keys") == body)
        #expect(throws: KeySetError.status(302)) { try fetch(server, "/redirect") }
        #expect(throws: KeySetError.status(500)) { try fetch(server, "/broken") }
        #expect(throws: KeySetError.status(404)) { try fetch(server, "/other") }
        #expect(throws: KeySetError.tooLarge(limitBytes: 1_048_576)) { try fetch(server, "/huge") }
        #expect(throws: KeySetError.timedOut) { try fetch(server, "/silent") }
        #expect(throws: KeySetError.self) { try fetch(server, "/half") }
    }

    @Test func verifiesTheServer() throws {
        let server = try KeyServer(body: [])
        #expect(throws: KeySetError.unreachable("the TLS connection could not be made")) {
            try fetch(server, "/keys", trusting: false)
        }
        // The right authority, the wrong name.
        #expect(throws: KeySetError.self) { try fetch(server, "/keys", host: "127.0.0.1") }
    }

    @Test func nobodyListens() throws {
        let address = try #require(HTTPSAddress("https://127.0.0.1:1/keys"))
        #expect(throws: KeySetError.unreachable("the server could not be reached")) {
            try HTTPSKeySetFetcher().fetch(address, settings: KeySettings())
        }
    }

    /// The whole way: keys over HTTPS, a token, a caller.
    @Test func tokenWithKeysFromAURL() async throws {
        let issuer = try TestIssuer()
        let server = try KeyServer(body: Array(TestIssuer.document(issuer.keySet())))
        var settings = KeySettings()
        settings.trustRootsFile = server.certificatePath
        let bench = try TokenBench(
            [issuer.settings(["jwks": "https://localhost:\(server.port)/keys"])], settings: settings,
            fetcher: HTTPSKeySetFetcher())
        let token = try issuer.token()
        for _ in 0..<500 where !bench.accepts(token) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(bench.accepts(token))
        bench.verifier.stop()
    }
}
