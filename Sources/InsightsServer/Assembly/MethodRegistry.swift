import InsightsAPI
import RPCEngine
import Tenancy

/// Why a server does not start: its methods and their permissions do not match.
public struct MethodRegistryError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Every served method with what the pipeline asks of its callers. A method of the contract without a permission, or
/// without a handler, does not start.
struct MethodRegistry: Sendable {
    let entries: [MethodEntry]
    let requirements: [CallPipeline.Requirement]

    init(_ context: ServerContext, reflection: ReflectionService) throws(MethodRegistryError) {
        let handlers = ServiceHandlers(context).byName
        var entries: [MethodEntry] = []
        var requirements: [CallPipeline.Requirement] = []
        for method in MethodTable.all {
            guard let handler = handlers["\(method.service)/\(method.name)"] else {
                throw MethodRegistryError(description: "the method \(method.path) has no handler")
            }
            entries.append(
                MethodEntry(
                    path: method.path, handler: handler,
                    maxMessageBytes: method.clientStreaming ? nil : Self.requestBytes,
                    expectedReplyBytes: Self.expectedReplyBytes(method, handler)))
            requirements.append(.permission(method.permission))
        }
        guard handlers.count == MethodTable.all.count else {
            throw MethodRegistryError(description: "a handler has no method in the method table")
        }
        // Health tells nothing about anybody; reflection tells registered callers the shape of the API.
        for entry in context.health.methods {
            entries.append(entry)
            requirements.append(.nothing)
        }
        for entry in reflection.methods {
            entries.append(entry)
            requirements.append(.permission(.readSelf))
        }
        self.entries = entries
        self.requirements = requirements
    }

    /// Bound of every request but a batch of facts, in bytes.
    static let requestBytes = 65_536

    /// Reads may answer with a page of a thousand rows, changes with one.
    private static func expectedReplyBytes(_ method: MethodDescription, _ handler: MethodHandler) -> Int {
        guard case .deferredUnary = handler else { return 4_096 }
        return ["Get", "List", "Explain"].contains { method.name.hasPrefix($0) } ? 2 << 20 : 4_096
    }

    /// Paths in the order of `entries`, known before the context is.
    static let paths =
        MethodTable.all.map(\.path)
        + ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"] + ReflectionService.paths

    /// Full names of the services, for health and reflection.
    static let services =
        Array(Set(MethodTable.all.map(\.service))).sorted()
        + ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
}

/// The handler of every method of the contract, by `service/name`.
private struct ServiceHandlers {
    let byName: [String: MethodHandler]

    init(_ context: ServerContext) {
        var handlers: [String: MethodHandler] = [:]
        func add(_ service: String, _ methods: [String: MethodHandler]) {
            for (name, handler) in methods { handlers["\(MethodTable.package).\(service)/\(name)"] = handler }
        }
        let insights = InsightsService(context: context)
        add(
            "InsightsService",
            [
                "GetCustomerInsights": .unary(insights.getCustomerInsights),
                "ListCustomerInsights": .deferredUnary(insights.listCustomerInsights),
                "GetPortfolioInsights": .deferredUnary(insights.getPortfolioInsights),
                "CompareLicenses": .deferredUnary(insights.compareLicenses),
                "GetTrend": .deferredUnary(insights.getTrend),
                "ExplainUsage": .deferredUnary(insights.explainUsage),
                "ListRecommendations": .deferredUnary(insights.listRecommendations),
                "ExportInsights": .serverStream(insights.exportInsights),
            ])
        let customers = CustomersService(context: context)
        add(
            "CustomersService",
            [
                "ListCustomers": .deferredUnary(customers.listCustomers),
                "GetCustomer": .unary(customers.getCustomer),
                "ListSubscriptions": .deferredUnary(customers.listSubscriptions),
                "ListLicensedUsers": .deferredUnary(customers.listLicensedUsers),
            ])
        let access = AccessService(context: context)
        add(
            "AccessService",
            [
                "WhoAmI": .unary(access.whoAmI),
                "ListPrincipals": .deferredUnary(access.listPrincipals),
                "CreatePrincipal": .deferredUnary(access.createPrincipal),
                "UpdatePrincipal": .deferredUnary(access.updatePrincipal),
                "DeletePrincipal": .deferredUnary(access.deletePrincipal),
                "ExplainAccess": .unary(access.explainAccess),
                "ListAuditEvents": .deferredUnary(access.listAuditEvents),
                "CreatePartner": .deferredUnary(access.createPartner),
                "UpdatePartner": .deferredUnary(access.updatePartner),
            ])
        let ingest = IngestService(context: context)
        add(
            "IngestService",
            [
                "Ingest": .bidirectional(ingest.ingest),
                "GetIngestStatus": .deferredUnary(ingest.getIngestStatus),
                "EraseUser": .deferredUnary(ingest.eraseUser),
            ])
        byName = handlers
    }
}
