import Cryptography
import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

extension InsightsService {
    /// `ExportInsights`: pulled chunk by chunk as the peer's flow control takes them, over one snapshot.
    func exportInsights(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> any MessageSource {
        let request: PBExportInsightsRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let today = reads.clock.today()
        let (days, products, query, position) = try checked { () throws(FieldError) in
            let query = try PageQuery(export: request, partner: scope.partner.text, method: call.path)
            _ = try RequestFields.reach(request.scope)
            return (
                try Self.days(request, today: today), try RequestFields.products(request.products), query,
                try resumePosition(request.resumeToken, query)
            )
        }
        let csv: ExportCSV?
        switch request.format {
        case .unspecified, .rows: csv = nil
        case .csv:
            csv = ExportCSV(
                language: Language(request.languageCode, call: call), byteOrderMark: request.byteOrderMark)
        case .UNRECOGNIZED(let number): throw Refusal.badField("format", "has no value \(number)")
        }
        let now = reads.clock.unixSeconds()
        let snapshot = try reads.facts(
            for: call, since: request.minRevision, goingOnFrom: position?.revision, at: now)
        reads.published.shelf.keep(snapshot, for: scope.partner.text, at: now)
        let book = snapshot.book(in: scope, today: today)
        let range = days ?? { $0...$0 }(position?.asOf ?? book.defaultPortfolioDay())
        return PortfolioExport(
            book: book, revision: snapshot.revision, days: range, products: products, csv: csv,
            resumeAfter: position?.key ?? [],
            seal: { key, asOf in
                reads.pageTokens.token(
                    for: query, at: PagePosition(revision: snapshot.revision, asOf: asOf, key: key))
            })
    }

    /// Nil for an export from its beginning.
    private func resumePosition(_ token: String, _ query: PageQuery) throws(FieldError) -> PagePosition? {
        do {
            return try reads.pageTokens.position(of: token, for: query)
        } catch {
            throw FieldError("resume_token", "is not a token of this export: start again without one")
        }
    }

    /// Nil means the default day. `as_of` and a range together are refused.
    private static func days(
        _ request: PBExportInsightsRequest, today: Day
    ) throws(FieldError) -> ClosedRange<Day>? {
        let hasRange = !request.startDate.isEmpty || !request.endDate.isEmpty
        if let day = try RequestFields.asOf(request.asOf, today: today) {
            guard !hasRange else {
                throw FieldError("as_of", "may not stand beside start_date and end_date")
            }
            return day...day
        }
        guard hasRange else { return nil }
        return try RequestFields.range(start: request.startDate, end: request.endDate, today: today)
    }
}

extension PageQuery {
    fileprivate init(
        export request: PBExportInsightsRequest, partner: String, method: String
    ) throws(FieldError) {
        var question = request
        question.resumeToken = ""
        question.minRevision = 0
        do {
            let bytes: [UInt8] = try question.serializedBytes()
            self.init(partner: partner, method: method, digest: DigestAlgorithm.sha256.digest(of: bytes))
        } catch {
            throw FieldError("resume_token", "cannot be bound to this request")
        }
    }
}

/// One export under way: day by day, customer by customer, product by product. Holds no more than its snapshot and its
/// place in the partner's list of customers.
private final class PortfolioExport: MessageSource {
    private let book: PartnerBook
    private let revision: Revision
    private let products: [Product]
    private let csv: ExportCSV?
    private let seal: ([String], Day?) -> String
    private let days: ClosedRange<Day>
    private let customersTotal: Int
    private var customersDone = 0
    private var day: Day
    private var cursor = CustomerCursor()
    private var isFirst: Bool
    private var isDone = false

    /// Bounds of one message, so that the event loop is not held for long: customers looked at, steps (which pass
    /// former customers too) and bytes.
    private static let maximumCustomers = 64
    private static let maximumSteps = 1_024
    private static let targetBytes = 32 << 10

    /// - Parameter resumeAfter: day and customer of the last row that the client has, and how many customers were done
    ///   then; empty starts from the beginning.
    init(
        book: PartnerBook, revision: Revision, days: ClosedRange<Day>, products: [Product], csv: ExportCSV?,
        resumeAfter: [String],
        seal: @escaping ([String], Day?) -> String
    ) {
        self.book = book
        self.revision = revision
        self.days = days
        self.products = products
        self.csv = csv
        self.seal = seal
        customersTotal = book.customerCount * (days.lowerBound.distance(to: days.upperBound) + 1)
        day = days.lowerBound
        isFirst = resumeAfter.isEmpty
        if resumeAfter.count == 3, let last = Day(resumeAfter[0]), days.contains(last),
            let customer = try? CustomerID(resumeAfter[1]), let done = Int(resumeAfter[2])
        {
            day = last
            cursor = book.cursor(after: customer)
            // Facts that the first part did not see may have changed the total.
            customersDone = min(done, customersTotal)
        }
    }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        guard !isDone else { return .end }
        var writer = WireWriter(taking: &reply)
        var chunk: [UInt8] = []
        if isFirst, let csv { csv.header(into: &chunk) }
        isFirst = false
        var customers = 0
        var steps = 0
        var last: (Day, CustomerID)?
        while !isDone, customers < Self.maximumCustomers, steps < Self.maximumSteps,
            writer.count + chunk.count < Self.targetBytes
        {
            steps += 1
            switch book.next(&cursor, on: day, products: products) {
            case .passed: continue
            case .end: advanceDay()
            case .customer(let id, let row):
                customers += 1
                customersDone += 1
                last = (day, id)
                if let row { write(row, to: &writer, &chunk) }
            }
        }
        var token = ""
        if let (day, customer) = last {
            token = seal([day.description, customer.text, String(customersDone)], days.lowerBound)
        }
        writer.exportTail(
            csvChunk: chunk, resumeToken: token, customersTotal: customersTotal,
            customersDone: min(customersDone, customersTotal))
        writer.revision(revision)
        writer.finish(into: &reply)
        return .message
    }

    private func advanceDay() {
        guard day < days.upperBound else {
            isDone = true
            return
        }
        day = day.advanced(by: 1)
        cursor = CustomerCursor()
    }

    private func write(_ row: CustomerInsightsRow, to writer: inout WireWriter, _ chunk: inout [UInt8]) {
        for product in row.products {
            let record = ExportRecord(row.customer, on: day, product)
            if record.isAllZero { continue }
            if let csv { csv.row(record, into: &chunk) } else { writer.exportRow(record) }
        }
    }
}
