import ArgumentParser
import InsightsAPI
import InsightsClient

struct PartnersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partners",
        abstract: "Partners of this server (operator only).",
        discussion: """
            Examples:
              insights partners create contoso-reseller --name 'Contoso Reseller' --principal alice
              insights partners disable contoso-reseller
            """,
        subcommands: [CreatePartner.self, DisablePartner.self, EnablePartner.self])

    struct CreatePartner: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Register a partner with its first principal.",
            discussion: """
                The first principal becomes a user management admin beside the roles given.

                Examples:
                  insights partners create contoso-reseller --name 'Contoso Reseller' --principal alice
                  insights partners create fabrikam-cloud --principal dave --role admin-agent
                """)
        @Argument(help: "Partner id, as in certificates.") var partner: String
        @Option(help: "Name of the partner.") var name: String = ""
        @Option(help: "Id of the first principal.") var principal: String
        @Option(help: "Display name of the first principal.") var principalName: String = ""
        @Option(help: "Further role of the first principal; may be repeated.") var role: [RoleArgument] = []
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            var request = PBCreatePartnerRequest()
            request.partnerID = partner
            request.name = name
            request.principal.principalID = principal
            request.principal.displayName = principalName
            request.principal.roles = role.map(\.role)
            let response = try await connection.connect { [request] in try await $0.createPartner(request) }
            Terminal.warn(ofPending: response.serversPending)
            try Answer(
                message: response,
                table: { _ in
                    "Created partner \(response.partnerID) (revision \(response.revision)).\n\n"
                        + PrincipalTable.text([response.principal])
                },
                csv: { PrincipalTable.rows([response.principal]) }
            ).print(connection.output)
        }
    }

    struct DisablePartner: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Let nobody of a partner in any more, at once.",
            discussion: """
                Every certificate and token of the partner is refused, and open streams end within seconds. Its \
                principals, facts and figures stay as they are until it is enabled again.

                Examples:
                  insights partners disable contoso-reseller
                """)
        @Argument(help: "Partner id.") var partner: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws { try await PartnerSwitch.set(partner, disabled: true, connection) }
    }

    struct EnablePartner: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let a disabled partner's principals in again.",
            discussion: """
                Principals that are disabled by themselves stay so.

                Examples:
                  insights partners enable contoso-reseller
                """)
        @Argument(help: "Partner id.") var partner: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws { try await PartnerSwitch.set(partner, disabled: false, connection) }
    }
}

/// Both ways of the same call.
private enum PartnerSwitch {
    static func set(_ partner: String, disabled: Bool, _ connection: ConnectionOptions) async throws {
        var request = PBUpdatePartnerRequest()
        request.partnerID = partner
        request.disabled = disabled
        let response = try await connection.connect { [request] in try await $0.updatePartner(request) }
        Terminal.warn(ofPending: response.serversPending)
        try Answer(
            message: response,
            table: { _ in "Partner \(response.partnerID) is \(response.disabled ? "disabled" : "enabled").\n" },
            csv: { [["partner_id", "state"], [response.partnerID, response.disabled ? "DISABLED" : "ENABLED"]] }
        ).print(connection.output)
    }
}
