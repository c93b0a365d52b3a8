import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

/// `InsightsService`, the figures. Each method in four moves: decode and validate, scope, one query on the published
/// snapshot, encode.
struct InsightsService: Sendable {
    let reads: Reads
    let thresholds: AdviceThresholds
    let watches = Watches()

    func getCustomerInsights(_ call: CallContext, _ bytes: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        let fields: CustomerInsightsFields
        do {
            fields = try CustomerInsightsFields(decoding: bytes)
        } catch {
            throw Refusal.malformed("GetCustomerInsightsRequest")
        }
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in try fields.validated(today: today) }
        let facts = try reads.facts(for: call, since: query.minRevision)
        let book = facts.book(in: try call.partnerScope(query.reach), today: today)
        guard let row = book.insights(of: query.customer, on: query.asOf, products: query.products) else {
            throw Refusal.customerNotFound
        }
        InsightsReply.customer(row, reach: query.reach, revision: facts.revision, into: &reply)
    }

    func getPortfolioInsights(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBGetPortfolioInsightsRequest = try decode(bytes)
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                day: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products)
            )
        }
        let facts = try reads.facts(for: call, since: request.minRevision)
        let book = facts.book(in: try call.partnerScope(query.reach), today: today)
        return try reads.answer(call, isShort: book.isShortWalk) { (reply) throws(RPCStatus) in
            InsightsReply.portfolio(
                book.portfolio(on: query.day, products: query.products), reach: query.reach,
                revision: facts.revision, into: &reply)
        }
    }

    func compareLicenses(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let fields: CompareLicensesFields
        do {
            fields = try CompareLicensesFields(decoding: bytes)
        } catch {
            throw Refusal.malformed("CompareLicensesRequest")
        }
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in try fields.validated(today: today) }
        let facts = try reads.facts(for: call, since: query.minRevision)
        let book = facts.book(in: try call.partnerScope(), today: today)
        return try reads.answer(call, isShort: query.customer != nil || book.isShortWalk) {
            (reply) throws(RPCStatus) in
            guard let customer = query.customer else {
                let row = book.portfolio(on: query.asOf, products: query.products)
                return InsightsReply.comparison(row.products, asOf: row.asOf, revision: facts.revision, into: &reply)
            }
            guard let row = book.insights(of: customer, on: query.asOf, products: query.products) else {
                throw Refusal.customerNotFound
            }
            InsightsReply.comparison(row.products, asOf: row.asOf, revision: facts.revision, into: &reply)
        }
    }

    func getTrend(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBGetTrendRequest = try decode(bytes)
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.optionalCustomer(request.customerID),
                range: try RequestFields.range(start: request.startDate, end: request.endDate, today: today),
                interval: try Self.interval(request.interval),
                workload: try RequestFields.optionalWorkload(request.workloadCode),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products)
            )
        }
        let facts = try reads.facts(for: call, since: request.minRevision)
        let book = facts.book(in: try call.partnerScope(), today: today)
        return try reads.answer(call, isShort: book.isShortTrend(of: query.customer)) { (reply) throws(RPCStatus) in
            let rows = book.trend(
                of: query.customer, from: query.range.lowerBound, through: query.range.upperBound,
                interval: query.interval, products: query.products, workload: query.workload)
            guard let rows else { throw Refusal.customerNotFound }
            InsightsReply.trend(rows, reach: query.reach, revision: facts.revision, into: &reply)
        }
    }

    /// Looks at people, so never on the event loop.
    func explainUsage(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBExplainUsageRequest = try decode(bytes)
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.optionalCustomer(request.customerID),
                day: try RequestFields.asOf(request.asOf, today: today),
                subject: try RequestFields.subject(product: request.product, workloadCode: request.workloadCode)
            )
        }
        let facts = try reads.facts(for: call, since: request.minRevision)
        let book = facts.book(in: try call.partnerScope(), today: today)
        let language = Language(request.languageCode, call: call)
        return try reads.answer(call) { (reply) throws(RPCStatus) in
            let row: ExplanationRow
            if let customer = query.customer {
                guard let found = book.explain(query.subject, of: customer, on: query.day) else {
                    throw Refusal.customerNotFound
                }
                row = found
            } else {
                let day = query.day ?? book.defaultPortfolioDay()
                row = book.explain(query.subject, classes: reads.published.columns.classes(of: book, on: day))
            }
            var response = PBExplainUsageResponse()
            response.explanation = PBUsageExplanation(row, subject: query.subject, language: language)
            response.revision = facts.revision.onWire
            try encode(response, into: &reply)
        }
    }

    private static func interval(_ interval: PBTrendInterval) throws(FieldError) -> TrendInterval {
        switch interval {
        case .unspecified, .day: return .day
        case .week: return .week
        case .month: return .month
        case .UNRECOGNIZED(let number): throw FieldError("interval", "has no value \(number)")
        }
    }
}
