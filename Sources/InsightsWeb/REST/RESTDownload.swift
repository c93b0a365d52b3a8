import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// The form of a download, which its path says.
enum DownloadForm {
    case csv
    /// A row a line.
    case jsonLines

    init?(pattern: String) {
        if pattern.hasSuffix(".csv") {
            self = .csv
        } else if pattern.hasSuffix(".jsonl") {
            self = .jsonLines
        } else {
            return nil
        }
    }

    fileprivate var format: PBExportFormat { self == .csv ? .csv : .rows }
    fileprivate var ending: String { self == .csv ? "csv" : "jsonl" }
    fileprivate var contentType: String { self == .csv ? "text/csv; charset=utf-8" : "application/jsonl" }
}

/// An export as a file, which comes as it is read.
struct RESTDownload: WebStreamTranslation {
    let request: RESTTranslation
    let form: DownloadForm

    var isShort: Bool { request.isShort }

    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8] {
        var writer = WireWriter(try request.message(in: body, limit: limit))
        // `ExportInsightsRequest.format`.
        writer.enumeration(1, form.format.rawValue)
        let bytes = writer.finish()
        guard bytes.count <= limit else { throw .tooLarge }
        return bytes
    }

    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse {
        request.response(result, trailers: trailers)
    }

    func head() -> WebResponse {
        var response = WebResponse(
            status: 200,
            headers: [
                ("content-type", form.contentType), ("content-disposition", "attachment; filename=\"\(fileName)\""),
            ])
        response.protect()
        return response
    }

    /// With the days that were asked for.
    private var fileName: String {
        let bytes = try? QueryMessage.bytes(of: request.route, variables: request.variables, query: request.query)
        let asked = bytes.flatMap { try? PBExportInsightsRequest(serializedBytes: $0) } ?? PBExportInsightsRequest()
        // They were looked at before; nothing else may come into a header.
        let days = [asked.asOf, asked.startDate, asked.endDate].filter { day in
            day.utf8.count == 10 && day.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
        }
        return (["insights"] + days).joined(separator: "-") + "." + form.ending
    }

    func bytes(of message: [UInt8]) throws(RPCStatus) -> [UInt8] {
        do {
            let part = try PBExportInsightsResponse(serializedBytes: message)
            if form == .csv { return Array(part.csvChunk) }
            var lines: [UInt8] = []
            for row in part.rows {
                lines += try row.jsonUTF8Bytes() as [UInt8]
                lines.append(UInt8(ascii: "\n"))
            }
            return lines
        } catch {
            throw RPCStatus(.internalError, "the rows cannot be written")
        }
    }
}
