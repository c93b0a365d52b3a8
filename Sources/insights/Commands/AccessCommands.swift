import ArgumentParser
import Foundation
import InsightsAPI
import InsightsClient

enum RoleArgument: String, ExpressibleByArgument, CaseIterable {
    case userManagementAdmin = "user-management-admin"
    case adminAgent = "admin-agent"
    case salesAgent = "sales-agent"

    init?(argument: String) {
        switch argument.lowercased().filter({ $0 != "-" && $0 != "_" && $0 != " " }) {
        case "usermanagementadmin", "roleusermanagementadmin": self = .userManagementAdmin
        case "adminagent", "roleadminagent": self = .adminAgent
        case "salesagent", "rolesalesagent": self = .salesAgent
        default: return nil
        }
    }

    var role: PBRole {
        switch self {
        case .userManagementAdmin: .userManagementAdmin
        case .adminAgent: .adminAgent
        case .salesAgent: .salesAgent
        }
    }
}

struct WhoAmICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami",
        abstract: "Who you are to the server, and what you may do.",
        discussion: """
            Examples:
              insights whoami
              insights whoami --server insights.example:8443 --ca ca.pem --cert alice.pem --key alice.key
            """)

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let response = try await connection.connect { try await $0.whoAmI(PBWhoAmIRequest()) }
        let principal = response.principal
        let expires =
            response.hasCredentialExpiresAt
            ? response.credentialExpiresAt.date.formatted(.iso8601) : "unknown"
        try Answer(
            message: response,
            table: { _ in
                var table = TextTable([.text("You are"), .text(principal.principalID)])
                if !principal.displayName.isEmpty { table.add(["Name", principal.displayName]) }
                table.add(["Partner", response.isOperator ? "none: you are the operator" : principal.partnerID])
                let roles = principal.roles.map(\.title).joined(separator: ", ")
                table.add(["Roles", roles.isEmpty ? "none" : roles])
                table.add(["May", response.permissions.map(\.title).joined(separator: ", ")])
                table.add(["Credential ends", expires])
                return table.text()
            },
            csv: {
                [
                    ["principal_id", "partner_id", "display_name", "roles", "permissions", "credential_expires_at"],
                    [
                        principal.principalID, principal.partnerID, principal.displayName,
                        principal.roles.map(\.title).joined(separator: " "),
                        response.permissions.map(\.title).joined(separator: " "), expires,
                    ],
                ]
            }
        ).print(connection.output)
    }
}

/// Principals as a table, for every command that answers some.
enum PrincipalTable {
    static func text(_ principals: [PBPrincipal]) -> String {
        if principals.isEmpty { return "No principals.\n" }
        var table = TextTable([.text("Principal"), .text("Name"), .text("Roles"), .text("State")])
        for principal in principals { table.add(Array(row(principal).dropFirst())) }
        return table.text()
    }

    static func rows(_ principals: [PBPrincipal]) -> [[String]] {
        [["partner_id", "principal_id", "display_name", "roles", "state"]] + principals.map(row)
    }

    private static func row(_ principal: PBPrincipal) -> [String] {
        let roles = principal.roles.map(\.title).joined(separator: " ")
        return [
            principal.partnerID, principal.principalID, principal.displayName, roles.isEmpty ? "none" : roles,
            principal.disabled ? "disabled" : "enabled",
        ]
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "The audit trail of your partner, newest first.",
        discussion: """
            Needs the role user management admin or admin agent. Customers appear as a keyed hash, shortened in
            tables. Code 0 is done; 2 means that the server ended before the outcome could be recorded.

            Examples:
              insights audit
              insights audit --limit 500 --output csv
            """)

    @Option(help: ArgumentHelp("Stop after this many entries; 0 means all of them.", valueName: "count"))
    var limit: Int = 50
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be below 0") }
    }

    func run() async throws {
        var paging = PagingOptions()
        paging.limit = limit
        let response = try await connection.connect { [paging] client in
            try await paging.collect(PBListAuditEventsResponse()) { size, token in
                var page = PBListAuditEventsRequest()
                page.pageSize = size
                page.pageToken = token
                return try await client.listAuditEvents(page)
            }
        }
        let row = { (event: PBAuditEvent) in
            [
                "\(event.sequence)", event.time.date.formatted(.iso8601),
                event.isOperator ? "operator \(event.principalID)" : event.principalID, event.partnerID,
                event.method.split(separator: "/").last.map(String.init) ?? event.method,
                event.decision == .allowed ? "allowed" : "denied", "\(event.code)", "\(event.revision)",
                String(event.customerHash.prefix(12)),
            ]
        }
        try Answer(
            message: response,
            table: { _ in
                if response.events.isEmpty { return "No events.\n" }
                var table = TextTable([
                    .number("Sequence"), .text("Time"), .text("Principal"), .text("Partner"), .text("Method"),
                    .text("Decision"),
                    .number("Code"), .number("Revision"), .text("Customer"),
                ])
                for event in response.events { table.add(row(event)) }
                return table.text()
            },
            csv: {
                let names = [
                    "sequence", "time", "principal_id", "partner_id", "method", "decision", "code", "revision",
                ]
                return [names + ["customer_hash", "is_operator"]]
                    + response.events.map { event in
                        var cells = row(event)
                        cells[2] = event.principalID
                        cells[4] = event.method
                        cells[8] = event.customerHash
                        return cells + [event.isOperator ? "true" : "false"]
                    }
            }
        ).print(connection.output)
    }
}
