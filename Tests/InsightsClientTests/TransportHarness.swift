import Foundation
import GRPCCore
import RPCTransport
import Testing

/// Messages of plain bytes.
struct PlainBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

typealias PlainClient = GRPCClient<HTTP2Transport>

/// Runs a body with a client of servers on ports of this machine.
func withTransport<Result: Sendable>(
    _ ports: [Int], _ change: (inout TransportConfiguration) -> Void = { _ in },
    _ body: (PlainClient) async throws -> Result
) async throws -> Result {
    var configuration = TransportConfiguration(
        servers: ports.compactMap { ServerAddress("127.0.0.1:\($0)", defaultPort: 1) })
    configuration.authorityFile = "\(TestCertificates.folder)/ca.pem"
    change(&configuration)
    return try await withGRPCClient(transport: try HTTP2Transport(configuration), handleClient: body)
}

extension GRPCClient {
    private func method(_ name: String) -> MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: "probe.Probe", method: name)
    }

    /// One message each way.
    func answer(
        _ name: String, _ message: [UInt8] = [], metadata: Metadata = [:], timeout: Duration? = .seconds(30),
        wait: Bool = false, limit: Int = 64 << 20
    ) async throws -> (message: [UInt8], leading: Metadata, trailing: Metadata) {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.waitForReady = wait
        options.maxResponseMessageBytes = limit
        return try await unary(
            request: ClientRequest(message: message, metadata: metadata), descriptor: method(name),
            serializer: PlainBytes(), deserializer: PlainBytes(), options: options
        ) { response in
            (try response.message, response.metadata, response.trailingMetadata)
        }
    }

    func text(_ name: String, _ message: String = "", timeout: Duration? = .seconds(30)) async throws -> String {
        String(decoding: try await answer(name, Array(message.utf8), timeout: timeout).message, as: UTF8.self)
    }

    /// The code and message that a call fails with.
    func failure(_ name: String, _ message: String = "", timeout: Duration? = .seconds(30)) async -> String {
        do {
            return "no failure but “\(try await text(name, message, timeout: timeout))”"
        } catch let error as RPCError {
            return "\(error.code): \(error.message)"
        } catch {
            return "\(error)"
        }
    }

    func stream<Result: Sendable>(
        _ name: String, producer: @escaping @Sendable (RPCWriter<[UInt8]>) async throws -> Void,
        consumer: @escaping @Sendable (StreamingClientResponse<[UInt8]>) async throws -> Result
    ) async throws -> Result {
        try await bidirectionalStreaming(
            request: StreamingClientRequest(producer: producer), descriptor: method(name),
            serializer: PlainBytes(), deserializer: PlainBytes(), options: .defaults, onResponse: consumer)
    }
}

/// Waits until something is so; records an issue when it never is.
func eventually(_ what: Comment, _ isSo: () async throws -> Bool) async throws {
    for _ in 0..<500 {
        if try await isSo() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(what)
}

/// A peer in Python: a server whose every frame is scripted, or the stock one.
final class ScriptedPeer: Sendable {
    private let process: Process
    private let input = Pipe()
    let ports: [Int]

    init(_ script: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Peers")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-B", folder.appendingPathComponent("\(script).py").path, TestCertificates.folder,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        self.process = process
        var line = ""
        while !line.hasSuffix("\n"), let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += String(decoding: byte, as: UTF8.self)
        }
        ports = line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        try #require(!ports.isEmpty)
    }

    deinit {
        // The peer ends with its input.
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
