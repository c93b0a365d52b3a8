import ArgumentParser
import InsightsAPI
import InsightsClient

struct PrincipalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "principals",
        abstract: "Who in your partner has which role.",
        discussion: """
            Needs the role user management admin. Changes take effect on the next call of the principal.

            Examples:
              insights principals list
              insights principals create carol --role sales-agent --name 'Carol Smit'
              insights principals update carol --role sales-agent --role admin-agent
              insights principals update carol --disable
              insights principals explain carol ListLicensedUsers
              insights principals delete carol
            """,
        subcommands: [
            ListPrincipals.self, CreatePrincipal.self, UpdatePrincipal.self, DeletePrincipal.self, ExplainAccess.self,
        ],
        defaultSubcommand: ListPrincipals.self)

    struct ListPrincipals: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The principals of your partner.",
            discussion: """
                Examples:
                  insights principals list
                  insights principals list --output csv
                """)
        @OptionGroup var paging: PagingOptions
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let response = try await connection.connect { client in
                try await paging.collect(PBListPrincipalsRequest(), \PBListPrincipalsResponse.principals) {
                    try await client.listPrincipals($0)
                }
            }
            try PrincipalTable.answer(response, response.principals).print(connection.output)
        }
    }

    struct CreatePrincipal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Register a principal.",
            discussion: """
                A principal without a role may only ask who it is.

                Examples:
                  insights principals create carol --role sales-agent --name 'Carol Smit'
                """)
        @Argument(help: "Principal id, as in its certificate or token.") var principal: String
        @Option(help: "A role; may be repeated.") var role: [RoleArgument] =
            []
        @Option(help: "Display name.") var name: String = ""
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            var request = PBCreatePrincipalRequest()
            request.principal.principalID = principal
            request.principal.displayName = name
            request.principal.roles = role.map(\.role)
            let response = try await connection.connect { [request] in try await $0.createPrincipal(request) }
            Terminal.warn(ofPending: response.serversPending)
            try PrincipalTable.answer(response, [response.principal]).print(connection.output)
        }
    }

    struct UpdatePrincipal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Change roles, name or state of a principal.",
            discussion: """
                Only what is given changes; --role lists all roles that the principal has afterwards.

                Examples:
                  insights principals update carol --role sales-agent --role admin-agent
                  insights principals update carol --no-roles
                  insights principals update carol --disable
                """)
        @Argument(help: "Principal id.") var principal: String
        @Option(help: "A role; may be repeated.") var role: [RoleArgument] =
            []
        @Flag(help: "Take all roles away.") var noRoles = false
        @Option(help: "Display name.") var name: String?
        @Flag(help: "Refuse the principal from now on.") var disable = false
        @Flag(help: "Let a disabled principal in again.") var enable = false
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            if disable && enable { throw ValidationError("give --disable or --enable, not both") }
            if noRoles && !role.isEmpty { throw ValidationError("give --role or --no-roles, not both") }
            if !disable && !enable && !noRoles && role.isEmpty && name == nil {
                throw ValidationError("nothing to change: give --role, --no-roles, --name, --disable or --enable")
            }
        }

        func run() async throws {
            var request = PBUpdatePrincipalRequest()
            request.principal.principalID = principal
            if noRoles || !role.isEmpty {
                request.principal.roles = role.map(\.role)
                request.updateMask.paths.append("roles")
            }
            if disable || enable {
                request.principal.disabled = disable
                request.updateMask.paths.append("disabled")
            }
            if let name {
                request.principal.displayName = name
                request.updateMask.paths.append("display_name")
            }
            let response = try await connection.connect { [request] in try await $0.updatePrincipal(request) }
            Terminal.warn(ofPending: response.serversPending)
            try PrincipalTable.answer(response, [response.principal]).print(connection.output)
        }
    }

    struct DeletePrincipal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Remove a principal.",
            discussion: """
                The last enabled user management admin cannot be removed. Deleting does not end a token of a
                configured issuer that names the principal; disabling the principal does.

                Examples:
                  insights principals delete carol
                """)
        @Argument(help: "Principal id.") var principal: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            var request = PBDeletePrincipalRequest()
            request.principalID = principal
            let response = try await connection.connect { [request] in try await $0.deletePrincipal(request) }
            Terminal.warn(ofPending: response.serversPending)
            let note = response.note.isEmpty ? "" : "Note: \(response.note).\n"
            try Answer(
                message: response, table: { _ in "Deleted \(principal).\n" + note },
                csv: { [["principal_id", "state"], [principal, "DELETED"]] }
            ).print(connection.output)
        }
    }

    struct ExplainAccess: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain", abstract: "What a principal, or a set of roles, may call, and by which rule.",
            discussion: """
                The method may be given by its last name.

                Examples:
                  insights principals explain carol ListLicensedUsers
                  insights principals explain --role sales-agent ExportInsights
                """)
        @Argument(help: "Principal id (leave out with --role) and method.") var arguments: [String]
        @Option(help: "Ask for these roles instead of a principal; may be repeated.") var role: [RoleArgument] = []
        @OptionGroup var connection: ConnectionOptions

        func validate() throws {
            guard arguments.count == (role.isEmpty ? 2 : 1) else {
                throw ValidationError("give a principal and a method, or --role and a method")
            }
        }

        func run() async throws {
            var request = PBExplainAccessRequest()
            if role.isEmpty {
                request.principalID = arguments[0]
            } else {
                request.roles = role.map(\.role)
            }
            request.method = MethodNames.full(arguments[arguments.count - 1])
            let response = try await connection.connect { [request] in try await $0.explainAccess(request) }
            let roles = response.sufficientRoles
            try Answer(
                message: response,
                table: { _ in
                    "\(request.method): \(response.decision.title)\n  Needs \(response.permission.code)\n"
                        + "  \(response.rule)\n"
                        + (roles.isEmpty
                            ? "" : "  Roles that would do: \(roles.map(\.title).joined(separator: ", "))\n")
                },
                csv: {
                    [
                        ["method", "decision", "permission", "rule", "sufficient_roles"],
                        [
                            request.method, response.decision.code, response.permission.code, response.rule,
                            roles.map(\.code).joined(separator: " "),
                        ],
                    ]
                }
            ).print(connection.output)
        }
    }
}

/// Full method names from short ones.
enum MethodNames {
    private static let services: [String: [String]] = [
        "InsightsService": [
            "GetCustomerInsights", "ListCustomerInsights", "GetPortfolioInsights", "CompareLicenses", "GetTrend",
            "ExplainUsage", "ListRecommendations", "ExportInsights",
        ],
        "CustomersService": ["ListCustomers", "GetCustomer", "ListSubscriptions", "ListLicensedUsers"],
        "AccessService": [
            "WhoAmI", "ListPrincipals", "CreatePrincipal", "UpdatePrincipal", "DeletePrincipal", "ExplainAccess",
            "ListAuditEvents", "CreatePartner", "UpdatePartner",
        ],
        "IngestService": ["Ingest", "GetIngestStatus", "CheckCustomer", "EraseUser"],
    ]

    static func full(_ name: String) -> String {
        if name.contains("/") { return name }
        let service = services.first { $0.value.contains(name) }?.key
        return service.map { "/partner.insights.v1.\($0)/\(name)" } ?? name
    }
}
