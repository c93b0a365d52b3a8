import InsightsAPI
import RPCEngine
import Tenancy

/// The vendor's four analytics resources and their two successors, so that a script changes its base address and
/// nothing else. Of figures they show what gRPC does: `licensesDeployed` is assigned (the estimate where own), percent
/// is unclamped, and what is absent is left out.
package struct LegacyResources: Sendable {
    /// What 100 % is written as. The vendor's pages never said; clients that keep it as a whole number can only mean
    /// percent.
    package enum PercentScale: String, CaseIterable, Sendable {
        /// 100
        case percent
        /// 1
        case fraction
    }

    private let scale: PercentScale

    package init(scale: PercentScale) { self.scale = scale }

    package var routes: [WebRoute] {
        [
            route("/v1/customers/{customer_id}/analytics/licenses/deployment") { (request, calls) throws(RPCStatus) in
                try customer(request, calls, .deployment)
            },
            route("/v1/customers/{customer_id}/analytics/licenses/usage") { (request, calls) throws(RPCStatus) in
                try customer(request, calls, .usage)
            },
            route("/v1/analytics/licenses/deployment") { (request, calls) throws(RPCStatus) in
                try partner(request, calls, .deployment)
            },
            route("/v1/analytics/licenses/usage") { (request, calls) throws(RPCStatus) in
                try partner(request, calls, .usage)
            },
        ]
            + LegacyKind.allCases.flatMap { kind in
                // With and without what examples of the vendor have in front and behind.
                ["", "/partner"].flatMap { front in
                    ["", "/"].map { end in
                        route("\(front)/v1/analytics/commercial/\(kind.rawValue)/license\(end)") {
                            (request, calls) throws(RPCStatus) in
                            try commercial(request, calls, kind)
                        }
                    }
                }
            }
    }

    private func route(
        _ pattern: String, page: @escaping @Sendable (WebRequest, any LocalCalls) throws(RPCStatus) -> WebResponse
    ) -> WebRoute {
        WebRoute(
            .get, PathPattern(pattern), needs: .readInsights,
            refusal: { LegacyReply.response(to: $0, $1, http: WebRoute.Verb.get.refusal(of: $1)) }, page: page)
    }

    // MARK: The four of the first kind

    private func customer(
        _ request: WebRequest, _ calls: any LocalCalls, _ kind: LegacyKind
    ) throws(RPCStatus) -> WebResponse {
        let scope = try LegacyQuery(scopeOnly: request.head.query).scope
        var question = PBGetCustomerInsightsRequest()
        question.customerID = request.variables["customer_id"] ?? ""
        question.scope = scope
        func insights(_ question: PBGetCustomerInsightsRequest) throws(RPCStatus) -> PBCustomerInsights {
            try calls.call(.getCustomerInsights, question, as: PBGetCustomerInsightsResponse.self).insights
        }
        let shown = try insights(question)
        var own = shown
        if scope != .own {
            question.scope = .own
            // Of the same day, whatever arrived meanwhile.
            question.asOf = shown.asOf
            own = try insights(question)
        }
        var json = JSONText()
        LegacyReply.collection(into: &json) { json in
            var count = 0
            for row in LegacyRow.rows(of: shown, kind, sellers: LegacyRow.sold(in: own), workloads: calls.workloadCodes)
            {
                json.separate()
                row.writeCustomerItem(kind, scale, into: &json)
                count += 1
            }
            return count
        }
        return LegacyReply.response(json, request.head)
    }

    private func partner(
        _ request: WebRequest, _ calls: any LocalCalls, _ kind: LegacyKind
    ) throws(RPCStatus) -> WebResponse {
        var question = PBGetPortfolioInsightsRequest()
        question.scope = try LegacyQuery(scopeOnly: request.head.query).scope
        let insights = try calls.call(.getPortfolioInsights, question, as: PBGetPortfolioInsightsResponse.self).insights
        var own = insights
        if question.scope != .own {
            question.scope = .own
            question.asOf = insights.asOf
            own = try calls.call(.getPortfolioInsights, question, as: PBGetPortfolioInsightsResponse.self).insights
        }
        let sellers = Set(own.products.filter { $0.licenses.sold > 0 }.map(\.product))
        var json = JSONText()
        LegacyReply.collection(into: &json) { json in
            var count = 0
            for product in insights.products {
                var row = LegacyRow(product.product, isSeller: sellers.contains(product.product), day: insights.asOf)
                switch kind {
                case .deployment:
                    guard product.licenses.hasSold || product.licenses.hasAssigned else { continue }
                    row.take(product.licenses)
                    json.separate()
                    row.writePartnerItem(kind, scale, into: &json)
                    count += 1
                case .usage:
                    for workload in product.workloads {
                        row.take(workload)
                        json.separate()
                        row.writePartnerItem(kind, scale, into: &json)
                        count += 1
                    }
                }
            }
            return count
        }
        return LegacyReply.response(json, request.head)
    }

    // MARK: Their successors

    /// Customers on a page of the list that the rows are read from.
    private static let pageSize: Int32 = 500

    private func commercial(
        _ request: WebRequest, _ calls: any LocalCalls, _ kind: LegacyKind
    ) throws(RPCStatus) -> WebResponse {
        let query = try LegacyQuery(request.head.query, kind)
        var selection = LegacySelection(query, kind)
        var question = PBListCustomerInsightsRequest()
        question.asOf = query.day
        question.scope = query.scope
        question.pageSize = Self.pageSize
        if let customer = query.filter.customer { question.filter = "customer_id = \"\(customer)\"" }
        var mine = question
        mine.scope = .own
        repeat {
            func page(_ question: PBListCustomerInsightsRequest) throws(RPCStatus) -> PBListCustomerInsightsResponse {
                do throws(RPCStatus) {
                    return try calls.call(.listCustomerInsights, question, as: PBListCustomerInsightsResponse.self)
                } catch {
                    throw query.refusal(error)
                }
            }
            let shown = try page(question)
            var own = shown
            if query.scope != .own {
                mine.asOf = shown.insights.first?.asOf ?? ""
                own = try page(mine)
            }
            // Both lists are in the order of the customers' ids.
            let sold = Dictionary(own.insights.map { ($0.customerID, LegacyRow.sold(in: $0)) }) { first, _ in first }
            for customer in shown.insights {
                let rows = LegacyRow.rows(
                    of: customer, kind, sellers: sold[customer.customerID] ?? [], workloads: calls.workloadCodes)
                for row in rows { try selection.take(row) }
            }
            question.pageToken = shown.nextPageToken
            mine.pageToken = own.nextPageToken
        } while !question.pageToken.isEmpty
        return LegacyReply.response(selection.json(for: request.head), request.head)
    }
}
