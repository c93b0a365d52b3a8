import Foundation
import RPCEngine

/// grpc.testing.TestService, as the official interoperability clients expect it.
enum TestService {
    static let methods: [MethodEntry] = [
        MethodEntry(path: path("EmptyCall"), handler: .unary { call, _, _ in echoMetadata(call) }),
        MethodEntry(path: path("UnaryCall"), handler: .unary(unaryCall)),
        MethodEntry(path: path("CacheableUnaryCall"), handler: .unary(unaryCall)),
        MethodEntry(
            path: path("StreamingOutputCall"),
            handler: .serverStream { call, message throws(RPCStatus) in
                echoMetadata(call)
                let request = TestRequest(streaming: bytes(message))
                call.compressReply = request.shapes.contains { $0.compressed }
                return ShapedReplies(request, call)
            }),
        MethodEntry(
            path: path("StreamingInputCall"),
            handler: .bidirectional { call, writer throws(RPCStatus) in
                echoMetadata(call)
                return Aggregate(call, writer)
            }),
        MethodEntry(
            path: path("FullDuplexCall"),
            handler: .bidirectional { call, writer throws(RPCStatus) in
                echoMetadata(call)
                return Duplex(writer, call)
            }),
        MethodEntry(
            path: path("HalfDuplexCall"),
            handler: .bidirectional { call, writer throws(RPCStatus) in
                echoMetadata(call)
                return HalfDuplex(writer, call)
            }),
    ]

    private static func path(_ name: String) -> String { "/grpc.testing.TestService/\(name)" }

    static func bytes(_ message: RawSpan) -> [UInt8] {
        message.withUnsafeBytes { Array($0) }
    }

    @Sendable private static func unaryCall(
        _ call: CallContext, _ message: RawSpan, _ reply: inout [UInt8]
    ) throws(RPCStatus) {
        echoMetadata(call)
        let request = TestRequest(simple: bytes(message))
        try checkCompression(request, call)
        if let code = request.statusCode, code != 0 { throw status(code, request.statusMessage) }
        call.compressReply = request.responseCompressed
        appendPayloadMessage(size: request.responseSize, to: &reply)
    }

    static func checkCompression(_ request: TestRequest, _ call: CallContext) throws(RPCStatus) {
        if let expected = request.expectCompressed, expected != call.requestWasCompressed {
            throw RPCStatus(.invalidArgument, "expected compressed = \(expected)")
        }
    }

    static func status(_ code: Int, _ message: String) -> RPCStatus {
        RPCStatus(RPCStatus.Code(rawValue: UInt8(clamping: code)) ?? .unknown, message)
    }

    static func echoMetadata(_ call: CallContext) {
        if let value = call.metadata["x-grpc-test-echo-initial"] {
            call.initialMetadata.append(("x-grpc-test-echo-initial", value))
        }
        if let value = call.metadata.binary("x-grpc-test-echo-trailing-bin") {
            call.trailers.append(("x-grpc-test-echo-trailing-bin", Metadata.encodeBinary(value)))
        }
    }
}

/// The replies of one StreamingOutputCall, each after its interval.
final class ShapedReplies: MessageSource {
    private let request: TestRequest
    private let call: CallContext
    private let waker: StreamWaker
    private var position = 0
    private var slept = false

    init(_ request: TestRequest, _ call: CallContext) {
        self.request = request
        self.call = call
        waker = call.makeWaker()
    }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        guard position < request.shapes.count else {
            if let code = request.statusCode, code != 0 { throw TestService.status(code, request.statusMessage) }
            return .end
        }
        let shape = request.shapes[position]
        if shape.intervalMicroseconds > 0, !slept {
            slept = true
            let waker = waker
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(shape.intervalMicroseconds)) {
                waker.wake()
            }
            return .pending
        }
        slept = false
        position += 1
        call.compressReply = shape.compressed
        appendPayloadMessage(size: shape.size, to: &reply)
        return .message
    }
}

/// Client streaming: one reply with the sum of the payload sizes.
final class Aggregate: MessageReceiver {
    private let call: CallContext
    private let writer: StreamWriter
    private var total = 0

    init(_ call: CallContext, _ writer: StreamWriter) {
        self.call = call
        self.writer = writer
    }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        var reader = ProtoReader(message)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (1, .bytes(let payload)): total += payloadBody(payload).count
            case (2, .bytes(let wrapped)):
                if wrappedBool(wrapped) != call.requestWasCompressed {
                    throw RPCStatus(.invalidArgument, "compression is not as announced")
                }
            default: break
            }
        }
    }

    func halfClosed() throws(RPCStatus) {
        var reply: [UInt8] = []
        ProtoWriter.number(1, UInt64(total), to: &reply)
        writer.send(reply)
        writer.finish()
    }
}

/// Answers each request at once; an interval holds back what follows.
final class Duplex: MessageReceiver {
    private let writer: StreamWriter
    private let call: CallContext
    /// Replies follow each other even when some have to wait.
    private let queue = DispatchQueue(label: "duplex")
    private var usesQueue = false

    init(_ writer: StreamWriter, _ call: CallContext) {
        self.writer = writer
        self.call = call
    }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        let request = TestRequest(streaming: message)
        if let code = request.statusCode, code != 0 { throw TestService.status(code, request.statusMessage) }
        for shape in request.shapes {
            let writer = writer
            if shape.intervalMicroseconds > 0 { usesQueue = true }
            if !usesQueue {
                Duplex.reply(shape.size, writer)
                continue
            }
            let delay = shape.intervalMicroseconds
            let size = shape.size
            queue.async {
                usleep(UInt32(clamping: delay))
                Duplex.reply(size, writer)
            }
        }
    }

    private static func reply(_ size: Int, _ writer: StreamWriter) {
        var reply: [UInt8] = []
        appendPayloadMessage(size: size, to: &reply)
        while writer.send(reply) == .full { usleep(1_000) }
    }

    func halfClosed() throws(RPCStatus) {
        let writer = writer
        if usesQueue { queue.async { writer.finish() } } else { writer.finish() }
    }
}

/// Answers all requests after the last.
final class HalfDuplex: MessageReceiver {
    private let writer: StreamWriter
    private var sizes: [Int] = []

    init(_ writer: StreamWriter, _ call: CallContext) { self.writer = writer }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        sizes.append(contentsOf: TestRequest(streaming: message).shapes.map(\.size))
    }

    func halfClosed() throws(RPCStatus) {
        for size in sizes {
            var reply: [UInt8] = []
            appendPayloadMessage(size: size, to: &reply)
            writer.send(reply)
        }
        writer.finish()
    }
}
