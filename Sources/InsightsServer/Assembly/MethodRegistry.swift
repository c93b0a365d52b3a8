import InsightsAPI
import RPCEngine
import Tenancy

/// What answers every method, and what the pipeline asks of its callers. Both are by `Method.rawValue`, which is the
/// position of the method in the engine too.
struct MethodRegistry: Sendable {
    let access: AccessService
    let customers: CustomersService
    let health: HealthService
    let ingest: IngestService
    let insights: InsightsService
    let reflection: ReflectionService

    var entries: [MethodEntry] { Method.allCases.map(entry) }

    static let requirements = Method.allCases.map(requirement)

    /// Full names of the services, for health and reflection.
    static let services = Array(Set(Method.allCases.map(\.service))).sorted()

    /// Health tells nothing about anybody; reflection tells registered callers the shape of the API. Any other method
    /// has the permission that its proto names.
    private static func requirement(of method: Method) -> CallPipeline.Requirement {
        switch method {
        case .healthCheck, .healthWatch: .nothing
        case .reflectionServerReflectionInfo, .reflectionV1alphaServerReflectionInfo: .permission(.readSelf)
        default: method.permission.map { .permission($0) } ?? .refused
        }
    }

    /// Bound of every request but a batch of facts, in bytes.
    static let requestBytes = 65_536

    private func entry(of method: Method) -> MethodEntry {
        let handler = handler(of: method)
        switch method {
        case .ingest:
            return MethodEntry(path: method.path, handler: handler)
        case .healthCheck, .healthWatch:
            return MethodEntry(path: method.path, handler: handler, maxMessageBytes: 1_024)
        case .reflectionServerReflectionInfo, .reflectionV1alphaServerReflectionInfo:
            // An answer is a hundred times its request: the next is read when the last but one has left.
            return MethodEntry(path: method.path, handler: handler, maxMessageBytes: 8_192, maxQueuedMessages: 1)
        default:
            return MethodEntry(
                path: method.path, handler: handler, maxMessageBytes: Self.requestBytes,
                expectedReplyBytes: Self.expectedReplyBytes(method, handler))
        }
    }

    /// Reads may answer with a page of a thousand rows, changes with one.
    private static func expectedReplyBytes(_ method: Method, _ handler: MethodHandler) -> Int {
        guard case .deferrable = handler else { return 4_096 }
        return ["Get", "List", "Explain", "Check"].contains { method.name.hasPrefix($0) } ? 2 << 20 : 4_096
    }

    private func handler(of method: Method) -> MethodHandler {
        switch method {
        case .getCustomerInsights: .unary(insights.getCustomerInsights)
        case .listCustomerInsights: .deferrable(insights.listCustomerInsights)
        case .getPortfolioInsights: .deferrable(insights.getPortfolioInsights)
        case .compareLicenses: .deferrable(insights.compareLicenses)
        case .getTrend: .deferrable(insights.getTrend)
        case .explainUsage: .deferrable(insights.explainUsage)
        case .listRecommendations: .deferrable(insights.listRecommendations)
        case .exportInsights: .serverStream(insights.exportInsights)
        case .watchInsights: .serverStream(insights.watchInsights)

        case .listCustomers: .deferrable(customers.listCustomers)
        case .getCustomer: .unary(customers.getCustomer)
        case .listSubscriptions: .deferrable(customers.listSubscriptions)
        case .listLicensedUsers: .deferrable(customers.listLicensedUsers)

        case .whoAmI: .unary(access.whoAmI)
        case .listPrincipals: .deferrable(access.listPrincipals)
        case .createPrincipal: .deferrable(access.createPrincipal)
        case .updatePrincipal: .deferrable(access.updatePrincipal)
        case .deletePrincipal: .deferrable(access.deletePrincipal)
        case .explainAccess: .unary(access.explainAccess)
        case .listAuditEvents: .deferrable(access.listAuditEvents)
        case .createPartner: .deferrable(access.createPartner)
        case .updatePartner: .deferrable(access.updatePartner)

        case .ingest: .bidirectional(ingest.ingest)
        case .getIngestStatus: .deferrable(ingest.getIngestStatus)
        case .checkCustomer: .deferrable(ingest.checkCustomer)
        case .eraseUser: .deferrable(ingest.eraseUser)

        case .healthCheck: .unary(health.check)
        case .healthWatch: .serverStream(health.watch)
        case .reflectionServerReflectionInfo, .reflectionV1alphaServerReflectionInfo:
            .bidirectional(reflection.serverReflectionInfo)
        }
    }
}
