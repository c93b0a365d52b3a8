import GRPCCore
import InsightsAPI

/// The calls that answer once. Their meaning and errors are in the protos.
extension InsightsClient {
    public func getCustomerInsights(_ request: PBGetCustomerInsightsRequest) async throws
        -> PBGetCustomerInsightsResponse
    {
        try await mapped { try await insights.getCustomerInsights(request, metadata: metadata, options: unary) }
    }

    public func listCustomerInsights(_ request: PBListCustomerInsightsRequest) async throws
        -> PBListCustomerInsightsResponse
    {
        try await mapped { try await insights.listCustomerInsights(request, metadata: metadata, options: unary) }
    }

    public func getPortfolioInsights(_ request: PBGetPortfolioInsightsRequest) async throws
        -> PBGetPortfolioInsightsResponse
    {
        try await mapped { try await insights.getPortfolioInsights(request, metadata: metadata, options: unary) }
    }

    public func compareLicenses(_ request: PBCompareLicensesRequest) async throws -> PBCompareLicensesResponse {
        try await mapped { try await insights.compareLicenses(request, metadata: metadata, options: unary) }
    }

    public func getTrend(_ request: PBGetTrendRequest) async throws -> PBGetTrendResponse {
        try await mapped { try await insights.getTrend(request, metadata: metadata, options: unary) }
    }

    public func explainUsage(_ request: PBExplainUsageRequest) async throws -> PBExplainUsageResponse {
        try await mapped { try await insights.explainUsage(request, metadata: metadata, options: unary) }
    }

    public func listRecommendations(_ request: PBListRecommendationsRequest) async throws
        -> PBListRecommendationsResponse
    {
        try await mapped { try await insights.listRecommendations(request, metadata: metadata, options: unary) }
    }

    public func listCustomers(_ request: PBListCustomersRequest) async throws -> PBListCustomersResponse {
        try await mapped { try await customers.listCustomers(request, metadata: metadata, options: unary) }
    }

    public func getCustomer(_ request: PBGetCustomerRequest) async throws -> PBGetCustomerResponse {
        try await mapped { try await customers.getCustomer(request, metadata: metadata, options: unary) }
    }

    public func listSubscriptions(_ request: PBListSubscriptionsRequest) async throws -> PBListSubscriptionsResponse {
        try await mapped { try await customers.listSubscriptions(request, metadata: metadata, options: unary) }
    }

    public func listLicensedUsers(_ request: PBListLicensedUsersRequest) async throws -> PBListLicensedUsersResponse {
        try await mapped { try await customers.listLicensedUsers(request, metadata: metadata, options: unary) }
    }

    public func whoAmI(_ request: PBWhoAmIRequest) async throws -> PBWhoAmIResponse {
        try await mapped { try await access.whoAmI(request, metadata: metadata, options: unary) }
    }

    public func listPrincipals(_ request: PBListPrincipalsRequest) async throws -> PBListPrincipalsResponse {
        try await mapped { try await access.listPrincipals(request, metadata: metadata, options: unary) }
    }

    public func createPrincipal(_ request: PBCreatePrincipalRequest) async throws -> PBCreatePrincipalResponse {
        try await mapped { try await access.createPrincipal(request, metadata: metadata, options: unary) }
    }

    public func updatePrincipal(_ request: PBUpdatePrincipalRequest) async throws -> PBUpdatePrincipalResponse {
        try await mapped { try await access.updatePrincipal(request, metadata: metadata, options: unary) }
    }

    public func deletePrincipal(_ request: PBDeletePrincipalRequest) async throws -> PBDeletePrincipalResponse {
        try await mapped { try await access.deletePrincipal(request, metadata: metadata, options: unary) }
    }

    public func explainAccess(_ request: PBExplainAccessRequest) async throws -> PBExplainAccessResponse {
        try await mapped { try await access.explainAccess(request, metadata: metadata, options: unary) }
    }

    public func listAuditEvents(_ request: PBListAuditEventsRequest) async throws -> PBListAuditEventsResponse {
        try await mapped { try await access.listAuditEvents(request, metadata: metadata, options: unary) }
    }

    public func createPartner(_ request: PBCreatePartnerRequest) async throws -> PBCreatePartnerResponse {
        try await mapped { try await access.createPartner(request, metadata: metadata, options: unary) }
    }

    public func getIngestStatus(_ request: PBGetIngestStatusRequest) async throws -> PBGetIngestStatusResponse {
        try await mapped { try await ingestion.getIngestStatus(request, metadata: metadata, options: unary) }
    }

    public func eraseUser(_ request: PBEraseUserRequest) async throws -> PBEraseUserResponse {
        try await mapped { try await ingestion.eraseUser(request, metadata: metadata, options: unary) }
    }
}
