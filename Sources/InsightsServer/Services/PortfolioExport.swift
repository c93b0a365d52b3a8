import Crypto
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
        let today = context.clock.today()
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
        let now = context.clock.unixSeconds()
        let snapshot =
            position.map { context.published.load(revision: $0.revision, at: now) } ?? context.published.load()
        context.published.shelve(snapshot, for: scope.partner.text, at: now)
        let book = snapshot.core.book(in: scope, today: today)
        let range = days ?? { $0...$0 }(position?.asOf ?? book.defaultPortfolioDay())
        return PortfolioExport(
            book: book, days: range, products: products, csv: csv, resumeAfter: position?.key ?? [],
            seal: { key, asOf in
                self.context.pageTokens.token(
                    for: query, at: PagePosition(revision: snapshot.revision, asOf: asOf, key: key))
            })
    }

    /// Nil for an export from its beginning.
    private func resumePosition(_ token: String, _ query: PageQuery) throws(FieldError) -> PagePosition? {
        do {
            return try context.pageTokens.position(of: token, for: query)
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
        do {
            let bytes: [UInt8] = try question.serializedBytes()
            self.init(partner: partner, method: method, digest: Array(SHA256.hash(data: bytes)))
        } catch {
            throw FieldError("resume_token", "cannot be bound to this request")
        }
    }
}

/// One export under way: day by day, customer by customer, product by product. Holds no more than its snapshot and
/// the list of customers.
private final class PortfolioExport: MessageSource {
    private let book: PartnerBook
    private let customers: [CustomerRow]
    private let products: [Product]
    private let csv: ExportCSV?
    private let seal: ([String], Day?) -> String
    private let days: ClosedRange<Day>
    private var day: Day
    private var index = 0
    private var isFirst: Bool
    private var isDone = false

    /// Bounds of one message: customers looked at, so that the event loop is not held for long, and bytes.
    private static let maximumCustomers = 64
    private static let targetBytes = 32 << 10

    /// - Parameter resumeAfter: day and customer of the last row that the client has; empty starts from the beginning.
    init(
        book: PartnerBook, days: ClosedRange<Day>, products: [Product], csv: ExportCSV?, resumeAfter: [String],
        seal: @escaping ([String], Day?) -> String
    ) {
        self.book = book
        self.days = days
        self.products = products
        self.csv = csv
        self.seal = seal
        customers = book.customers()
        day = days.lowerBound
        isFirst = resumeAfter.isEmpty
        if resumeAfter.count == 2, let last = Day(resumeAfter[0]), days.contains(last) {
            day = last
            index = customers.firstIndex { $0.customer.text > resumeAfter[1] } ?? customers.endIndex
        }
    }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        guard !isDone else { return .end }
        var writer = WireWriter(taking: &reply)
        var chunk: [UInt8] = []
        if isFirst, let csv { csv.header(into: &chunk) }
        isFirst = false
        var seen = 0
        var last: (Day, CustomerID)?
        while seen < Self.maximumCustomers, writer.count + chunk.count < Self.targetBytes {
            if index >= customers.count {
                guard day < days.upperBound else {
                    isDone = true
                    break
                }
                day = day.advanced(by: 1)
                index = 0
                continue
            }
            let customer = customers[index]
            index += 1
            seen += 1
            last = (day, customer.customer)
            guard let row = book.summary(of: customer.customer, on: day, products: products) else { continue }
            for product in row.products {
                let figures = ExportFigures(product)
                if figures.isAllZero { continue }
                if let csv {
                    csv.row(row.customer, on: day, product.product, figures, into: &chunk)
                } else {
                    writer.exportRow(row.customer, on: day, product.product, figures)
                }
            }
        }
        var token = ""
        if let (day, customer) = last { token = seal([day.description, customer.text], days.lowerBound) }
        let finishedDays = days.lowerBound.distance(to: day)
        let total = customers.count * (days.lowerBound.distance(to: days.upperBound) + 1)
        writer.exportTail(
            csvChunk: chunk, resumeToken: token, customersTotal: total,
            customersDone: finishedDays * customers.count + index)
        writer.finish(into: &reply)
        return .message
    }
}
