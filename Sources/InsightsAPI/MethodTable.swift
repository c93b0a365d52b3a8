import Tenancy

/// One method of a service: its path, the one permission that a caller needs, and which sides stream.
public struct MethodDescription: Sendable, Hashable {
    /// Full service name, such as `partner.insights.v1.InsightsService`.
    public let service: String
    public let name: String
    /// `/service/name`, as HTTP/2 names it.
    public let path: String
    public let permission: Permission
    public let clientStreaming: Bool
    public let serverStreaming: Bool
}

/// Every method that needs a permission. The protos say the same in their method options; a test keeps them equal.
/// Health and reflection need no permission and are not listed.
public enum MethodTable {
    public static let package = "partner.insights.v1"

    /// By service, in the order of the protos.
    public static let all: [MethodDescription] = [
        group(
            of: "InsightsService",
            [
                Line("GetCustomerInsights", .readInsights),
                Line("ListCustomerInsights", .readInsights),
                Line("GetPortfolioInsights", .readInsights),
                Line("CompareLicenses", .readInsights),
                Line("GetTrend", .readInsights),
                Line("ExplainUsage", .readInsights),
                Line("ListRecommendations", .readInsights),
                Line("ExportInsights", .exportInsights, serverStreaming: true),
            ]),
        group(
            of: "CustomersService",
            [
                Line("ListCustomers", .readCustomers),
                Line("GetCustomer", .readCustomers),
                Line("ListSubscriptions", .readSubscriptions),
                Line("ListLicensedUsers", .readUsers),
            ]),
        group(
            of: "AccessService",
            [
                Line("WhoAmI", .readSelf),
                Line("ListPrincipals", .managePrincipals),
                Line("CreatePrincipal", .managePrincipals),
                Line("UpdatePrincipal", .managePrincipals),
                Line("DeletePrincipal", .managePrincipals),
                Line("ExplainAccess", .managePrincipals),
                Line("ListAuditEvents", .readAudit),
                Line("CreatePartner", .managePartners),
                Line("UpdatePartner", .managePartners),
            ]),
        group(
            of: "IngestService",
            [
                Line("Ingest", .ingest, clientStreaming: true, serverStreaming: true),
                Line("GetIngestStatus", .ingest),
                Line("EraseUser", .ingest),
            ]),
    ].flatMap { $0 }

    /// Nil for a path that is no method of these services.
    public static func method(path: String) -> MethodDescription? {
        byPath[path]
    }

    /// By the name without its service, `GetCustomerInsights`; nil where no method or more than one has it.
    public static func method(name: String) -> MethodDescription? {
        let named = all.filter { $0.path.hasSuffix("/" + name) }
        return named.count == 1 ? named.first : nil
    }

    private static let byPath: [String: MethodDescription] = Dictionary(
        all.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

    private struct Line {
        let name: String
        let permission: Permission
        let clientStreaming: Bool
        let serverStreaming: Bool

        init(
            _ name: String, _ permission: Permission, clientStreaming: Bool = false, serverStreaming: Bool = false
        ) {
            self.name = name
            self.permission = permission
            self.clientStreaming = clientStreaming
            self.serverStreaming = serverStreaming
        }
    }

    private static func group(of service: String, _ lines: [Line]) -> [MethodDescription] {
        lines.map { line in
            MethodDescription(
                service: "\(package).\(service)", name: line.name, path: "/\(package).\(service)/\(line.name)",
                permission: line.permission, clientStreaming: line.clientStreaming,
                serverStreaming: line.serverStreaming)
        }
    }
}
