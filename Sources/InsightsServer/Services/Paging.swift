import Cryptography
import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

/// One request for a page: where it begins, over which snapshot, and how the next one is named.
struct Paging {
    /// Entries on a page, 1 to the maximum of the method.
    let size: Int
    /// After which entry the page begins; nil for the first page.
    let position: PagePosition?
    /// The facts of the first page while they are kept, so that paging neither skips nor repeats while facts arrive.
    let snapshot: CoreSnapshot
    private let query: PageQuery
    private let reads: Reads
    private let now: Int64

    init(_ reads: Reads, _ request: some PagedRequest, of call: CallContext) throws(RPCStatus) {
        let partner = try call.partnerScope().partner.text
        let path = call.path
        let (size, query, position) = try checked { () throws(FieldError) in
            let query = try PageQuery(partner: partner, method: path, request: request)
            return (
                try RequestFields.pageSize(request.pageSize), query,
                try reads.pageTokens.position(of: request.pageToken, for: query)
            )
        }
        self.reads = reads
        self.size = size
        self.query = query
        self.position = position
        now = reads.clock.unixSeconds()
        snapshot = try reads.facts(for: call, since: request.minRevision, goingOnFrom: position?.revision, at: now)
    }

    /// The token of the page after the entry of `key`.
    func token(after key: [String], asOf: Day? = nil) -> String {
        reads.published.shelf.keep(snapshot, for: query.partner, at: now)
        return reads.pageTokens.token(
            for: query, at: PagePosition(revision: snapshot.revision, asOf: asOf, key: key))
    }

    /// The page of rows that are ordered by their ids, byte by byte.
    func page<Row>(of rows: [Row], asOf: Day? = nil, id: (Row) -> String) -> (rows: ArraySlice<Row>, nextToken: String)
    {
        var start = rows.startIndex
        if let after = position?.key.first {
            var end = rows.endIndex
            while start < end {
                let middle = start + (end - start) / 2
                if id(rows[middle]) <= after { start = middle + 1 } else { end = middle }
            }
        }
        return page(of: rows, from: start, asOf: asOf) { [id($0)] }
    }

    /// The page that begins at `start`.
    func page<Row>(
        of rows: [Row], from start: Int, asOf: Day? = nil, key: (Row) -> [String]
    ) -> (rows: ArraySlice<Row>, nextToken: String) {
        let page = rows[start...].prefix(size)
        guard page.endIndex < rows.endIndex, let last = page.last else { return (page, "") }
        return (page, token(after: key(last), asOf: asOf))
    }
}

extension PageQuery {
    /// Binds tokens to the caller, the method and every field of the request but the paging ones and `min_revision`.
    /// None of these messages has a map, so equal requests have equal bytes.
    init(partner: String, method: String, request: some PagedRequest) throws(FieldError) {
        var question = request
        question.pageSize = 0
        question.pageToken = ""
        question.minRevision = 0
        do {
            let bytes: [UInt8] = try question.serializedBytes()
            self.init(partner: partner, method: method, digest: DigestAlgorithm.sha256.digest(of: bytes))
        } catch {
            throw FieldError("page_token", "cannot be bound to this request")
        }
    }
}
