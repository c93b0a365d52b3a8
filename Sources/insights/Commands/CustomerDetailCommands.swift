import ArgumentParser
import InsightsAPI
import InsightsClient

struct SubscriptionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscriptions",
        abstract: "What your partner sold to a customer, line by line.",
        discussion: """
            Needs the role admin agent or sales agent.

            Examples:
              insights subscriptions contoso
              insights subscriptions contoso --as-of 2026-03-31 --output csv
            """)

    @Argument(help: "Customer id.") var customer: String
    @Option(help: .day) var asOf: String = ""
    @OptionGroup var paging: PagingOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBListSubscriptionsRequest()
        request.customerID = customer
        request.asOf = asOf
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBListSubscriptionsResponse.subscriptions) {
                try await client.listSubscriptions($0)
            }
        }
        try Answer(
            message: response,
            table: { _ in Self.table(response.subscriptions) },
            csv: {
                [
                    [
                        "subscription_id", "sku_id", "sku_name", "state", "quantity", "trial", "effective_date",
                        "term_end", "auto_renew", "term",
                    ]
                ]
                    + response.subscriptions.map {
                        [
                            $0.subscriptionID, $0.skuID, $0.skuName, $0.state.code, "\($0.quantity)", "\($0.trial)",
                            $0.effectiveDate, $0.termEnd, "\($0.autoRenew)", $0.term,
                        ]
                    }
            }
        ).print(connection.output)
    }

    private static func table(_ subscriptions: [PBSubscription]) -> String {
        if subscriptions.isEmpty { return "No subscriptions of your partner.\n" }
        var table = TextTable([
            .text("Subscription"), .text("License"), .text("State"), .number("Quantity"), .text("Trial"),
            .text("Since"), .text("Term"), .text("Term ends"), .text("Renews"),
        ])
        for item in subscriptions {
            table.add([
                item.subscriptionID, item.skuName.isEmpty ? item.skuID : item.skuName, item.state.title,
                NumberText.count(item.quantity), item.trial ? "trial" : "", item.effectiveDate, item.term,
                item.termEnd.isEmpty ? "no end" : item.termEnd, item.autoRenew ? "by itself" : "",
            ])
        }
        return table.text()
    }
}

enum ActivityArgument: String, ExpressibleByArgument, CaseIterable {
    case any, active, inactive

    var filter: PBActivityFilter {
        switch self {
        case .any: .any
        case .active: .active
        case .inactive: .inactive
        }
    }
}

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users",
        abstract: "Who holds which license and last used what when.",
        discussion: """
            Needs the role user management admin or admin agent.

            Examples:
              insights users contoso
              insights users contoso --activity inactive --workload TEAMS
              insights users contoso --as-of 2026-03-31 --limit 20 --output csv
            """)

    @Argument(help: "Customer id.") var customer: String
    @Option(help: .day) var asOf: String = ""
    @Option(help: "Only people who were active, or were not, in the 28 days up to the day.") var activity:
        ActivityArgument = .any
    @Option(help: "Only holders of a license for this workload, such as TEAMS.") var workload: String = ""
    @OptionGroup var paging: PagingOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBListLicensedUsersRequest()
        request.customerID = customer
        request.asOf = asOf
        request.activity = activity.filter
        request.workloadCode = workload
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBListLicensedUsersResponse.users) {
                try await client.listLicensedUsers($0)
            }
        }
        let codes = Array(Set(response.users.flatMap { $0.lastActivity.map(\.workloadCode) })).sorted()
        let row = { (user: PBLicensedUser, never: String) in
            let last = Dictionary(
                user.lastActivity.map { ($0.workloadCode, $0.lastActiveDate) }, uniquingKeysWith: { first, _ in first })
            return [user.userID, user.principalName, user.displayName, user.skuIds.joined(separator: " ")]
                + codes.map { last[$0] ?? never }
        }
        try Answer(
            message: response,
            table: { _ in
                if response.users.isEmpty { return "No users.\n" }
                var table = TextTable(
                    [.text("User"), .text("Sign-in name"), .text("Name"), .number("Licenses")]
                        + codes.map { .text("Last \($0)") })
                for user in response.users {
                    var cells = row(user, NumberText.none)
                    cells[3] = NumberText.count(Int64(user.skuIds.count))
                    table.add(cells)
                }
                return table.text()
            },
            csv: {
                [
                    ["user_id", "principal_name", "display_name", "sku_ids"]
                        + codes.map { "last_active_\($0.lowercased())" }
                ]
                    + response.users.map { row($0, "") }
            }
        ).print(connection.output)
    }
}
