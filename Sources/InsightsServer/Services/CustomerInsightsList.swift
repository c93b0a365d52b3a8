import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

extension InsightsService {
    /// `ListCustomerInsights`: every visible customer by cheap sums first; the whole figures only of the page shown.
    func listCustomerInsights(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            try listCustomerInsights(call, bytes) { read in context.read(call, responder, read) }
        }
    }

    /// Checks the request on the event loop and hands the query to `run`.
    private func listCustomerInsights(
        _ call: CallContext, _ bytes: [UInt8], run: (@escaping LongRead) -> Void
    ) throws(RPCStatus) {
        let request: PBListCustomerInsightsRequest = try decode(bytes)
        let today = context.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                day: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products),
                filter: try CustomerFilter(request.filter, .insights),
                order: try CustomerOrder(request.orderBy)
            )
        }
        let paging = try Paging(context, request, of: call)
        let scope = try call.partnerScope()
        run { (reply) throws(RPCStatus) in
            let book = paging.snapshot.core.book(in: scope, today: today)
            // A later page shows the day that the first one resolved.
            let summaries = book.summaries(on: paging.position?.asOf ?? query.day, products: query.products)
            var places: [CustomerPlace] = []
            for row in summaries.rows {
                let figures = FigureRow(row, reach: query.reach)
                if query.filter.matches(figures) { places.append(query.order.place(of: figures)) }
            }
            places.sort(by: query.order.isBefore)
            var start = 0
            if let position = paging.position {
                guard let after = CustomerPlace(texts: position.key) else {
                    throw Refusal.badField("page_token", "is not a token of this list")
                }
                start = places.firstIndex { query.order.isBefore(after, $0) } ?? places.endIndex
            }
            let page = paging.page(of: places, from: start, asOf: summaries.asOf) { $0.texts }
            let rows = page.rows.compactMap { place -> CustomerInsightsRow? in
                guard let customer = try? CustomerID(place.customerID) else { return nil }
                return book.insights(of: customer, on: summaries.asOf, products: query.products)
            }
            InsightsReply.customers(
                rows, reach: query.reach, nextPageToken: page.nextToken, total: places.count, into: &reply)
        }
    }
}
