import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

extension InsightsService {
    /// `ListRecommendations`: advice derived from the figures, worded in the asked language.
    func listRecommendations(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            try listRecommendations(call, bytes) { read in context.read(call, responder, read) }
        }
    }

    /// Checks the request on the event loop and hands the query to `run`.
    private func listRecommendations(
        _ call: CallContext, _ bytes: [UInt8], run: (@escaping LongRead) -> Void
    ) throws(RPCStatus) {
        let request: PBListRecommendationsRequest = try decode(bytes)
        let today = context.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.optionalCustomer(request.customerID),
                day: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products)
            )
        }
        let paging = try Paging(context, request, of: call)
        var scope = try call.partnerScope()
        if query.reach == .own { scope = scope.narrowedToOwn() }
        call.record?.customer = query.customer
        let text = AdviceText(language: Language(request.languageCode, call: call))
        let reader = scope
        run { (reply) throws(RPCStatus) in
            let book = paging.snapshot.core.book(in: reader, today: today)
            let found = book.recommendations(
                of: query.customer, on: paging.position?.asOf ?? query.day, products: query.products,
                thresholds: context.settings.advice)
            guard let found else { throw Refusal.customerNotFound }
            // Rows have no id of their own; over one snapshot and day their number is their place.
            let start = paging.position?.key.first.flatMap(Int.init) ?? 0
            let numbered = Array(found.rows.enumerated())
            let page = paging.page(of: numbered, from: min(max(start, 0), numbered.count), asOf: found.asOf) {
                [String($0.offset + 1)]
            }
            var response = PBListRecommendationsResponse()
            response.recommendations = page.rows.map { text.recommendation($0.element) }
            response.totalSize = Int32(clamping: found.rows.count)
            response.nextPageToken = page.nextToken
            try encode(response, into: &reply)
        }
    }
}
