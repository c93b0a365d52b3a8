import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

extension InsightsService {
    /// `ListCustomerInsights`: who is on the page by counts that are kept; the whole figures only of the page.
    func listCustomerInsights(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBListCustomerInsightsRequest = try decode(bytes)
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                day: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products),
                filter: try CustomerFilter(request.filter, .insights),
                order: try CustomerOrder(request.orderBy)
            )
        }
        let paging = try Paging(reads, request, of: call)
        let scope = try call.partnerScope(query.reach)
        return try reads.answer(call) { (reply) throws(RPCStatus) in
            let book = paging.snapshot.book(in: scope, today: today)
            var place: CustomerPlace?
            if let key = paging.position?.key {
                place = CustomerPlace(texts: key)
                if place == nil { throw Refusal.badField("page_token", "is not a token of this list") }
            }
            // A later page shows the day that the first one resolved.
            let day = paging.position?.asOf ?? query.day ?? book.defaultPortfolioDay()
            let filter = query.filter
            let page = book.page(
                of: reads.published.columns.figures(of: book, on: day), products: query.products,
                reach: query.reach, by: query.order, after: place, limit: paging.size,
                where: filter.isEmpty ? nil : { filter.matches($0, $1) })
            let rows = page.rows.compactMap {
                book.insights(of: $0.place.customer, on: day, products: query.products)
            }
            let last = page.hasMore ? page.rows.last : nil
            InsightsReply.customers(
                rows, reach: query.reach,
                nextPageToken: last.map { paging.token(after: $0.place.texts, asOf: day) } ?? "", total: page.total,
                revision: paging.snapshot.revision, into: &reply)
        }
    }
}
