import Foundation
import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct RESTDownloadTests {
    static func download(_ path: String, _ query: String = "") throws -> RESTDownload {
        let form = RESTForms.form(of: WebHead(method: "GET", path: path, query: query))
        guard case .call(_, _, let translation) = form else { throw RPCStatus(.notFound) }
        return try #require(translation as? RESTDownload)
    }

    @Test func thePathSaysTheForm() throws {
        let csv = try Self.download("/v1/export.csv", "language_code=nl&as_of=2024-03-31")
        let asked = try PBExportInsightsRequest(serializedBytes: csv.message(in: [], limit: 100))
        #expect(asked.format == .csv && asked.languageCode == "nl" && asked.asOf == "2024-03-31")
        let lines = try Self.download("/v1/export.jsonl")
        #expect(try PBExportInsightsRequest(serializedBytes: lines.message(in: [], limit: 100)).format == .rows)
        #expect {
            _ = try csv.message(in: [], limit: 10)
        } throws: {
            if case WebFailure.tooLarge = $0 { true } else { false }
        }
        #expect(csv.response(.failure(RPCStatus(.notFound)), trailers: []).status == 404)
        #expect(csv.response(.success([]), trailers: []).status == 500)
    }

    @Test(
        arguments: [
            ("/v1/export.csv", "", "insights.csv"),
            ("/v1/export.jsonl", "asOf=2024-03-31", "insights-2024-03-31.jsonl"),
            ("/v1/export.csv", "end_date=2024-03-31&start_date=2024-01-01", "insights-2024-01-01-2024-03-31.csv"),
            ("/v1/export.csv", "as_of=2024%22%0d%0aa:b", "insights.csv"),
            ("/v1/export.csv", "as_of=1&as_of=2", "insights.csv"),
        ])
    func fileNames(_ path: String, _ query: String, _ name: String) throws {
        let head = try Self.download(path, query).head()
        let headers = Dictionary(head.headers) { $1 }
        #expect(headers["content-disposition"] == "attachment; filename=\"\(name)\"" && head.body.isEmpty)
        #expect(headers["content-type"] == (name.hasSuffix("csv") ? "text/csv; charset=utf-8" : "application/jsonl"))
        for (name, value) in WebResponse.protection { #expect(headers[name] == value) }
    }

    @Test func rowsAsTheyCome() throws {
        let message = PBExportInsightsResponse.with {
            $0.rows = [.with { $0.customerID = "a\nb" }, .with { $0.ownSold = 7 }]
            $0.csvChunk = Data("a;b\r\n".utf8)
            $0.resumeToken = "t"
        }
        let bytes: [UInt8] = try message.serializedBytes()
        #expect(try Self.download("/v1/export.csv").bytes(of: bytes) == Array("a;b\r\n".utf8))
        let lines = try Self.download("/v1/export.jsonl").bytes(of: bytes)
        #expect(String(decoding: lines, as: UTF8.self) == "{\"customerId\":\"a\\nb\"}\n{\"ownSold\":\"7\"}\n")
        #expect(throws: RPCStatus.self) { try Self.download("/v1/export.csv").bytes(of: [0xFF]) }
    }

    @Test func theDocumentHasEveryRoute() throws {
        guard case .page = OpenAPI.route.answer else {
            Issue.record("the document is for callers")
            return
        }
        #expect(OpenAPI.route.permission == .readSelf)
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/InsightsWeb/OpenAPI/openapi.json").standardized
        let document = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let paths = try #require(document?["paths"] as? [String: Any])
        let methods = Method.allCases.filter { $0.messages != nil }.map(\.path)
        #expect(Set(paths.keys) == Set(HTTPRoute.all.map(\.pattern) + methods + ["/openapi.json"]))
    }
}
