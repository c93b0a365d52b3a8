import GRPCCore
import InsightsAPI

/// The calls that answer once. Their meaning and errors are in the protos.
extension InsightsClient {
    public func getCustomerInsights(_ request: PBGetCustomerInsightsRequest) async throws
        -> PBGetCustomerInsightsResponse
    {
        try await call(isRead: true) {
            try await insights.getCustomerInsights(request, metadata: metadata, options: $0)
        }
    }

    public func listCustomerInsights(_ request: PBListCustomerInsightsRequest) async throws
        -> PBListCustomerInsightsResponse
    {
        try await call(isRead: true) {
            try await insights.listCustomerInsights(request, metadata: metadata, options: $0)
        }
    }

    public func getPortfolioInsights(_ request: PBGetPortfolioInsightsRequest) async throws
        -> PBGetPortfolioInsightsResponse
    {
        try await call(isRead: true) {
            try await insights.getPortfolioInsights(request, metadata: metadata, options: $0)
        }
    }

    public func compareLicenses(_ request: PBCompareLicensesRequest) async throws -> PBCompareLicensesResponse {
        try await call(isRead: true) {
            try await insights.compareLicenses(request, metadata: metadata, options: $0)
        }
    }

    public func getTrend(_ request: PBGetTrendRequest) async throws -> PBGetTrendResponse {
        try await call(isRead: true) {
            try await insights.getTrend(request, metadata: metadata, options: $0)
        }
    }

    public func explainUsage(_ request: PBExplainUsageRequest) async throws -> PBExplainUsageResponse {
        try await call(isRead: true) {
            try await insights.explainUsage(request, metadata: metadata, options: $0)
        }
    }

    public func listRecommendations(_ request: PBListRecommendationsRequest) async throws
        -> PBListRecommendationsResponse
    {
        try await call(isRead: true) {
            try await insights.listRecommendations(request, metadata: metadata, options: $0)
        }
    }

    public func listCustomers(_ request: PBListCustomersRequest) async throws -> PBListCustomersResponse {
        try await call(isRead: true) {
            try await customers.listCustomers(request, metadata: metadata, options: $0)
        }
    }

    public func getCustomer(_ request: PBGetCustomerRequest) async throws -> PBGetCustomerResponse {
        try await call(isRead: true) {
            try await customers.getCustomer(request, metadata: metadata, options: $0)
        }
    }

    public func listSubscriptions(_ request: PBListSubscriptionsRequest) async throws -> PBListSubscriptionsResponse {
        try await call(isRead: true) {
            try await customers.listSubscriptions(request, metadata: metadata, options: $0)
        }
    }

    public func listLicensedUsers(_ request: PBListLicensedUsersRequest) async throws -> PBListLicensedUsersResponse {
        try await call(isRead: true) {
            try await customers.listLicensedUsers(request, metadata: metadata, options: $0)
        }
    }

    public func whoAmI(_ request: PBWhoAmIRequest) async throws -> PBWhoAmIResponse {
        try await call(isRead: true) {
            try await access.whoAmI(request, metadata: metadata, options: $0)
        }
    }

    public func listPrincipals(_ request: PBListPrincipalsRequest) async throws -> PBListPrincipalsResponse {
        try await call(isRead: true) {
            try await access.listPrincipals(request, metadata: metadata, options: $0)
        }
    }

    public func createPrincipal(_ request: PBCreatePrincipalRequest) async throws -> PBCreatePrincipalResponse {
        try await call(isRead: false) {
            try await access.createPrincipal(request, metadata: metadata, options: $0)
        }
    }

    public func updatePrincipal(_ request: PBUpdatePrincipalRequest) async throws -> PBUpdatePrincipalResponse {
        try await call(isRead: false) {
            try await access.updatePrincipal(request, metadata: metadata, options: $0)
        }
    }

    public func deletePrincipal(_ request: PBDeletePrincipalRequest) async throws -> PBDeletePrincipalResponse {
        try await call(isRead: false) {
            try await access.deletePrincipal(request, metadata: metadata, options: $0)
        }
    }

    public func explainAccess(_ request: PBExplainAccessRequest) async throws -> PBExplainAccessResponse {
        try await call(isRead: true) {
            try await access.explainAccess(request, metadata: metadata, options: $0)
        }
    }

    public func listAuditEvents(_ request: PBListAuditEventsRequest) async throws -> PBListAuditEventsResponse {
        try await call(isRead: true) {
            try await access.listAuditEvents(request, metadata: metadata, options: $0)
        }
    }

    public func createPartner(_ request: PBCreatePartnerRequest) async throws -> PBCreatePartnerResponse {
        try await call(isRead: false) {
            try await access.createPartner(request, metadata: metadata, options: $0)
        }
    }

    public func updatePartner(_ request: PBUpdatePartnerRequest) async throws -> PBUpdatePartnerResponse {
        try await call(isRead: false) {
            try await access.updatePartner(request, metadata: metadata, options: $0)
        }
    }

    public func getIngestStatus(_ request: PBGetIngestStatusRequest) async throws -> PBGetIngestStatusResponse {
        try await call(isRead: true) {
            try await ingestion.getIngestStatus(request, metadata: metadata, options: $0)
        }
    }

    public func checkCustomer(_ request: PBCheckCustomerRequest) async throws -> PBCheckCustomerResponse {
        try await call(isRead: true) {
            try await ingestion.checkCustomer(request, metadata: metadata, options: $0)
        }
    }

    public func eraseUser(_ request: PBEraseUserRequest) async throws -> PBEraseUserResponse {
        try await call(isRead: false) {
            try await ingestion.eraseUser(request, metadata: metadata, options: $0)
        }
    }
}
