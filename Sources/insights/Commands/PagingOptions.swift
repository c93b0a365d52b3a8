import ArgumentParser
import InsightsAPI

/// An answer that comes in pages.
protocol Paged: Sendable {
    associatedtype Element
    var elements: [Element] { get set }
    var nextPageToken: String { get set }
    var totalSize: Int32 { get set }
}

extension PBListCustomerInsightsResponse: Paged {
    var elements: [PBCustomerInsights] {
        get { insights }
        set { insights = newValue }
    }
}
extension PBListCustomersResponse: Paged {
    var elements: [PBCustomer] {
        get { customers }
        set { customers = newValue }
    }
}
extension PBListSubscriptionsResponse: Paged {
    var elements: [PBSubscription] {
        get { subscriptions }
        set { subscriptions = newValue }
    }
}
extension PBListLicensedUsersResponse: Paged {
    var elements: [PBLicensedUser] {
        get { users }
        set { users = newValue }
    }
}
extension PBListRecommendationsResponse: Paged {
    var elements: [PBRecommendation] {
        get { recommendations }
        set { recommendations = newValue }
    }
}
extension PBListPrincipalsResponse: Paged {
    var elements: [PBPrincipal] {
        get { principals }
        set { principals = newValue }
    }
}
extension PBListAuditEventsResponse: Paged {
    var elements: [PBAuditEvent] {
        get { events }
        set { events = newValue }
    }
}
extension PBGetIngestStatusResponse: Paged {
    var elements: [PBCustomerCoverage] {
        get { customers }
        set { customers = newValue }
    }
}

/// How many entries of a list.
struct PagingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Stop after this many entries; 0 is all of them.", valueName: "count"))
    var limit: Int = 0

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be below 0") }
    }

    /// Asks for pages until all are there or the limit is reached, and puts them together.
    func collect<Page: Paged>(
        _ empty: Page, _ fetch: (_ size: Int32, _ token: String) async throws -> Page
    ) async throws -> Page {
        var result = empty
        var elements = [Page.Element]()
        var token = ""
        repeat {
            let room = limit == 0 ? 1_000 : min(1_000, limit - elements.count)
            let page = try await fetch(Int32(room), token)
            elements += page.elements
            result = page
            guard page.nextPageToken != token || token.isEmpty else {
                throw CommandFailure("the server answered the same page twice")
            }
            token = page.nextPageToken
        } while !token.isEmpty && (limit == 0 || elements.count < limit)
        result.elements = elements
        return result
    }
}
