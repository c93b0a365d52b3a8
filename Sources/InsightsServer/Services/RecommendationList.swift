import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

extension InsightsService {
    /// `ListRecommendations`: advice derived from the figures, worded in the asked language.
    func listRecommendations(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBListRecommendationsRequest = try decode(bytes)
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.optionalCustomer(request.customerID),
                day: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope),
                products: try RequestFields.products(request.products)
            )
        }
        let paging = try Paging(reads, request, of: call)
        let scope = try call.partnerScope(query.reach)
        let text = AdviceText(language: Language(request.languageCode, call: call))
        return try reads.answer(call) { (reply) throws(RPCStatus) in
            let book = paging.snapshot.book(in: scope, today: today)
            let page = try page(
                of: book, customer: query.customer, day: query.day, products: query.products, paging: paging)
            var response = PBListRecommendationsResponse()
            response.recommendations = page.rows.map(text.recommendation)
            response.totalSize = Int32(clamping: page.total)
            response.nextPageToken = page.nextToken
            response.revision = paging.snapshot.revision.onWire
            try encode(response, into: &reply)
        }
    }

    private func page(
        of book: PartnerBook, customer: CustomerID?, day: Day?, products: [Product], paging: Paging
    ) throws(RPCStatus) -> (rows: [RecommendationRow], total: Int, nextToken: String) {
        var place: AdvicePlace?
        if let key = paging.position?.key {
            place = AdvicePlace(texts: key)
            if place == nil { throw Refusal.badField("page_token", "is not a token of this list") }
        }
        let rows: [RecommendationRow]
        let (total, hasMore): (Int, Bool)
        let asOf: Day
        if let customer {
            let found = book.recommendations(
                of: customer, on: paging.position?.asOf ?? day, products: products,
                thresholds: thresholds)
            guard let found else { throw Refusal.customerNotFound }
            let rest = place.map { place in found.rows.filter(place.isBefore) } ?? found.rows
            asOf = found.asOf
            rows = Array(rest.prefix(paging.size))
            (total, hasMore) = (found.rows.count, rest.count > rows.count)
        } else {
            asOf = paging.position?.asOf ?? day ?? book.defaultPortfolioDay()
            let advice = reads.published.columns.advice(of: book, on: asOf, thresholds: thresholds)
            (rows, total, hasMore) = book.page(of: advice, products: products, after: place, limit: paging.size)
        }
        let last = hasMore ? rows.last : nil
        return (rows, total, last.map { paging.token(after: $0.place.texts, asOf: asOf) } ?? "")
    }
}

extension RecommendationRow {
    fileprivate var place: AdvicePlace { AdvicePlace(customer: customer, product: product, kind: kind) }
}

extension AdvicePlace {
    /// For `PagePosition.key`; 0 stands for all products.
    fileprivate var texts: [String] {
        [customer.text, String(product?.rawValue ?? 0), String(kind.rawValue)]
    }

    /// Nil for texts that no place has.
    fileprivate init?(texts: [String]) {
        guard texts.count == 3, let customer = try? CustomerID(texts[0]), let product = UInt8(texts[1]),
            let kind = UInt8(texts[2]).flatMap(RecommendationKind.init)
        else { return nil }
        self.init(customer: customer, product: Product(rawValue: product), kind: kind)
    }
}
