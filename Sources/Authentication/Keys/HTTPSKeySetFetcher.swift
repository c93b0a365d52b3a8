import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One GET over HTTP/1.1 and TLS with a verified server, made by the thread that asks and closed after the answer.
///
/// Any status but 200 is a failure, so no redirect is ever followed; the answer's size and the whole time are bounded.
struct HTTPSKeySetFetcher: KeySetFetcher {
    func fetch(_ address: HTTPSAddress, settings: KeySettings) throws(KeySetError) -> [UInt8] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let promise = group.any().makePromise(of: [UInt8].self)
        let deadline = group.any().scheduleTask(in: .milliseconds(Int64(settings.timeoutSeconds * 1_000))) {
            promise.fail(KeySetError.timedOut)
        }
        defer { deadline.cancel() }
        do {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            if let file = settings.trustRootsFile { tls.trustRoots = .file(file) }
            let context = try NIOSSLContext(configuration: tls)
            connect(group, address, context, settings, promise)
            return try promise.futureResult.wait()
        } catch let error as KeySetError {
            throw error
        } catch is NIOSSLError {
            throw .unreachable("the TLS connection could not be made")
        } catch is BoringSSLError {
            throw .unreachable("the TLS connection could not be made")
        } catch {
            throw .unreachable("the server could not be reached")
        }
    }

    private func connect(
        _ group: MultiThreadedEventLoopGroup, _ address: HTTPSAddress, _ context: NIOSSLContext,
        _ settings: KeySettings, _ promise: EventLoopPromise<[UInt8]>
    ) {
        let limit = settings.maximumBytes
        ClientBootstrap(group: group)
            .connectTimeout(.milliseconds(Int64(settings.timeoutSeconds * 1_000)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // An address has no server name to send; the certificate is then checked for the address.
                    let isAddress = (try? SocketAddress(ipAddress: address.host, port: address.port)) != nil
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : address.host))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(KeySetExchange(address, limit: limit, promise: promise))
                }
            }
            .connect(host: address.host, port: address.port)
            .whenComplete { result in
                switch result {
                case .failure(let error): promise.fail(error)
                case .success(let channel): promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                }
            }
    }
}

/// Sends the request once the connection stands and gathers the answer.
private final class KeySetExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let address: HTTPSAddress
    private let limit: Int
    private let promise: EventLoopPromise<[UInt8]>
    private var body: [UInt8] = []

    init(_ address: HTTPSAddress, limit: Int, promise: EventLoopPromise<[UInt8]>) {
        self.address = address
        self.limit = limit
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers: HTTPHeaders = [
            "host": address.hostHeader, "accept": "application/json", "user-agent": "insightsd",
            "connection": "close",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status == .ok else { return promise.fail(KeySetError.status(Int(head.status.code))) }
        case .body(let part):
            guard part.readableBytes <= limit - body.count else {
                return promise.fail(KeySetError.tooLarge(limitBytes: limit))
            }
            body += part.readableBytesView
        case .end: promise.succeed(body)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(KeySetError.unreachable("the connection was closed before the answer was whole"))
    }
}
