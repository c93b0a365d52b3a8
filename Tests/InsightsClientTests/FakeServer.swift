import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import InsightsAPI
import Synchronization
import Testing

@testable import InsightsClient

/// What the fake server did and what it is told to do wrong.
struct FakeState {
    var calls = 0
    /// Calls of WhoAmI and CreatePrincipal that fail as unavailable before one works.
    var unavailableCalls = 0
    var failure: GoogleRPCStatus?
    var authorization: String?
    /// Batches accepted, in order, and the number of receipts after which the stream is cut, once each.
    var accepted: [String] = []
    var cuts: [Int] = []
    var refusedBatch: String?
    /// Rows of the export, and after how many messages it is cut, once each.
    var exportRows = 0
    var exportCuts: [Int] = []
    var hangs = false
}

/// A server of the parts of the API that the client treats specially, on the stock gRPC stack with TLS.
final class FakeServer: RegistrableRPCService {
    let state = Mutex(FakeState())

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: PBAccessService.Method.WhoAmI.descriptor,
            deserializer: ProtobufDeserializer<PBWhoAmIRequest>(), serializer: ProtobufSerializer<PBWhoAmIResponse>()
        ) { request, _ in
            try await self.answer(request.metadata) {
                var response = PBWhoAmIResponse()
                response.principal.principalID = "alice"
                return response
            }
        }
        router.registerHandler(
            forMethod: PBAccessService.Method.CreatePrincipal.descriptor,
            deserializer: ProtobufDeserializer<PBCreatePrincipalRequest>(),
            serializer: ProtobufSerializer<PBCreatePrincipalResponse>()
        ) { request, _ in
            try await self.answer(request.metadata) { PBCreatePrincipalResponse() }
        }
        router.registerHandler(
            forMethod: PBIngestService.Method.Ingest.descriptor,
            deserializer: ProtobufDeserializer<PBIngestRequest>(), serializer: ProtobufSerializer<PBIngestResponse>()
        ) { request, _ in
            StreamingServerResponse { writer in
                var answered = 0
                let cut = self.state.withLock { $0.cuts.isEmpty ? nil : $0.cuts.removeFirst() }
                for try await batch in request.messages {
                    let receipt = self.take(batch)
                    // Cut after the batch was taken and before its receipt: the client cannot know.
                    if answered == cut { throw RPCError(code: .unavailable, message: "cut") }
                    try await writer.write(receipt)
                    answered += 1
                }
                return [:]
            }
        }
        router.registerHandler(
            forMethod: PBInsightsService.Method.ExportInsights.descriptor,
            deserializer: ProtobufDeserializer<PBExportInsightsRequest>(),
            serializer: ProtobufSerializer<PBExportInsightsResponse>()
        ) { request, _ in
            var token = ""
            for try await message in request.messages { token = message.resumeToken }
            let first = Int(token) ?? 0
            return StreamingServerResponse { writer in
                let (rows, cut) = self.state.withLock {
                    ($0.exportRows, $0.exportCuts.isEmpty ? nil : $0.exportCuts.removeFirst())
                }
                for (index, row) in (first..<max(first, rows)).enumerated() {
                    if index == cut { throw RPCError(code: .unavailable, message: "cut") }
                    var message = PBExportInsightsResponse()
                    message.csvChunk = Data("row \(row)\n".utf8)
                    message.resumeToken = "\(row + 1)"
                    try await writer.write(message)
                }
                return [:]
            }
        }
    }

    private func answer<Response: Sendable>(
        _ metadata: Metadata, _ make: () -> Response
    ) async throws -> StreamingServerResponse<Response> {
        let (failure, hangs) = try state.withLock { state in
            state.calls += 1
            state.authorization = metadata[stringValues: "authorization"].first { _ in true }
            if state.unavailableCalls > 0 {
                state.unavailableCalls -= 1
                throw RPCError(code: .unavailable, message: "the store is away")
            }
            return (state.failure, state.hangs)
        }
        if hangs { try await Task.sleep(for: .seconds(2)) }
        if let failure { throw failure }
        return StreamingServerResponse(single: ServerResponse(message: make()))
    }

    private func take(_ batch: PBIngestRequest) -> PBIngestResponse {
        state.withLock { state in
            var receipt = PBIngestResponse()
            receipt.batchID = batch.batchID
            if batch.batchID == state.refusedBatch {
                receipt.status.code = 3
                receipt.status.message = "is not a day"
                receipt.status.field = "facts[0].coverage.through"
                receipt.status.factIndex = 0
                return receipt
            }
            receipt.duplicate = state.accepted.contains(batch.batchID)
            if !receipt.duplicate { state.accepted.append(batch.batchID) }
            receipt.accepted = Int64(batch.facts.count)
            receipt.revision = Int64(state.accepted.firstIndex(of: batch.batchID) ?? 0) + 1
            return receipt
        }
    }
}

/// Certificates of `Certs/generate.sh`, made once and kept for the next run.
enum TestCertificates {
    static let folder: String = {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("insights-client-tests-\(getuid())")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [package.appendingPathComponent("Certs/generate.sh").path, "--out", folder.path]
        process.standardOutput = FileHandle.nullDevice
        try? process.run()
        process.waitUntilExit()
        return folder.path
    }()
}

/// Runs a body with a fake server and a client that is connected to it.
func withFake<Value: Sendable>(
    _ prepare: (inout FakeState) -> Void, settings change: (inout ConnectionSettings) -> Void = { _ in },
    _ body: (InsightsClient, FakeServer) async throws -> Value
) async throws -> Value {
    let fake = FakeServer()
    fake.state.withLock { prepare(&$0) }
    let certificates = TestCertificates.folder
    let transport = HTTP2ServerTransport.Posix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .tls(
            certificateChain: [.file(path: "\(certificates)/server.pem", format: .pem)],
            privateKey: .file(path: "\(certificates)/server.key", format: .pem)))
    return try await withGRPCServer(transport: transport, services: [fake]) { server in
        let address = try #require(await server.listeningAddress?.ipv4)
        var settings = try #require(ConnectionSettings(server: "127.0.0.1:\(address.port)"))
        settings.authorityFile = "\(certificates)/ca.pem"
        settings.timeout = .seconds(20)
        change(&settings)
        return try await InsightsClient.withConnection(settings) { try await body($0, fake) }
    }
}
