import ArgumentParser
import Foundation
import InsightsAPI
import InsightsClient
import SwiftProtobuf

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
                table.add(["May", response.permissions.map(\.code).joined(separator: ", ")])
                table.add(["Credential ends", expires])
                return table.text()
            },
            csv: {
                [
                    ["principal_id", "partner_id", "display_name", "roles", "permissions", "credential_expires_at"],
                    [
                        principal.principalID, principal.partnerID, principal.displayName,
                        principal.roles.map(\.code).joined(separator: " "),
                        response.permissions.map(\.code).joined(separator: " "),
                        response.hasCredentialExpiresAt ? expires : "",
                    ],
                ]
            }
        ).print(connection.output)
    }
}

/// Principals as a table, for every command that answers some.
enum PrincipalTable {
    static func answer(_ message: any Message, _ principals: [PBPrincipal]) -> Answer {
        Answer(message: message, table: { _ in text(principals) }, csv: { rows(principals) })
    }

    static func text(_ principals: [PBPrincipal]) -> String {
        if principals.isEmpty { return "No principals.\n" }
        var table = TextTable([.text("Principal"), .text("Name"), .text("Roles"), .text("State")])
        for principal in principals {
            let roles = principal.roles.map(\.title).joined(separator: ", ")
            table.add([
                principal.principalID, principal.displayName, roles.isEmpty ? "none" : roles,
                principal.disabled ? "disabled" : "enabled",
            ])
        }
        return table.text()
    }

    static func rows(_ principals: [PBPrincipal]) -> [[String]] {
        [["partner_id", "principal_id", "display_name", "roles", "state"]]
            + principals.map {
                [
                    $0.partnerID, $0.principalID, $0.displayName, $0.roles.map(\.code).joined(separator: " "),
                    $0.disabled ? "DISABLED" : "ENABLED",
                ]
            }
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "The audit trail of your partner, newest first.",
        discussion: """
            Who changed access, who was refused, and who read named users. Needs the role user management admin or \
            admin agent.

            The decision says whether the caller was let through, the outcome how the call ended: OK is done; UNKNOWN \
            means that the server ended before the outcome could be recorded. The revision is that of the facts at \
            the time. Customers appear as a keyed hash, shortened in tables: the same hash is the same customer.

            Examples:
              insights audit
              insights audit --limit 0 --output csv > audit.csv
            """)

    @Option(help: ArgumentHelp("Stop after this many records; 0 is all of them.", valueName: "count"))
    var limit: Int = 50
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be below 0") }
    }

    func run() async throws {
        var paging = PagingOptions()
        paging.limit = limit
        let response = try await connection.connect { [paging] client in
            try await paging.collect(PBListAuditEventsRequest(), \PBListAuditEventsResponse.events) {
                try await client.listAuditEvents($0)
            }
        }
        try Answer(
            message: response, table: { _ in AuditView.text(response) }, csv: { AuditView.rows(response.events) }
        ).print(connection.output)
    }
}
