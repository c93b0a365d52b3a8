import InsightsAPI
import RPCEngine

/// The day that a list about one customer is of, and how far the customer's sources have reported by then: where one
/// has not, an empty list says nothing.
struct ListDay: Sendable {
    /// Empty where there is no such customer.
    let asOf: String
    private let freshness: PBFreshness

    init(_ insights: PBCustomerInsights) { (asOf, freshness) = (insights.asOf, insights.freshness) }

    func isReported(_ source: PBSource) -> Bool {
        freshness.sources.contains { $0.source == source && ($0.status == .reported || $0.status == .lagging) }
    }
}

extension PageLoad {
    /// Of the day asked, else of the last day of activity. That there is no such customer is left to the list's own
    /// call, which puts it on record.
    func listDay() throws(RPCStatus) -> ListDay {
        var request = PBGetCustomerInsightsRequest()
        request.customerID = customerID
        request.asOf = query["as_of"] ?? ""
        do throws(RPCStatus) {
            let reply: PBGetCustomerInsightsResponse = try call(.getCustomerInsights, request)
            return ListDay(reply.insights)
        } catch {
            guard error.code == .notFound else { throw error }
            return ListDay(PBCustomerInsights())
        }
    }
}
