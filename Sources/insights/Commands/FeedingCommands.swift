import ArgumentParser
import InsightsAPI
import InsightsClient

struct IngestStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-status",
        abstract: "The revision, and how far each source has reported (operator only).",
        discussion: """
            Every ingested batch makes a revision. “not reported” is a source that has never spoken for a customer.

            Examples:
              insights ingest-status
              insights ingest-status --customer contoso
            """)

    @Option(help: "Only this customer.") var customer: String = ""
    @OptionGroup var paging: PagingOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBGetIngestStatusRequest()
        request.customerID = customer
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBGetIngestStatusResponse.customers) {
                try await client.getIngestStatus($0)
            }
        }
        let sources: [PBSource] = [.subscriptions, .assignments, .activity]
        try Answer(
            message: response,
            table: { _ in
                var table = TextTable(
                    ["Customer", "Subscriptions", "Assignments", "Activity", "Activity not reported"]
                        .map(TextTable.Column.text))
                for customer in response.customers {
                    var freshness = PBFreshness()
                    freshness.sources = customer.sources
                    table.add(
                        [customer.customerID] + sources.map(freshness.day)
                            + [customer.workloads.unreportedCodes.joined(separator: ", ")])
                }
                table.dropIdleColumns(["Activity not reported"])
                return "Revision \(NumberText.count(response.revision))\n"
                    + (response.customers.isEmpty ? "" : "\n" + table.text())
            },
            csv: {
                [["revision", "customer_id", "subscriptions_through", "assignments_through", "activity_through"]]
                    + response.customers.map { customer in
                        ["\(response.revision)", customer.customerID]
                            + sources.map { source in customer.sources.first { $0.source == source }?.through ?? "" }
                    }
            }
        ).print(connection.output)
    }
}

struct EraseUserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase-user",
        abstract: "Make a person anonymous for good (operator only).",
        discussion: """
            Names and ids of the person are removed; every figure of every day stays. This cannot be undone, so it \
            asks for --yes.

            Examples:
              insights erase-user contoso anna@contoso.example --yes
            """)

    @Argument(help: "Customer id.") var customer: String
    @Argument(help: "User id.") var user: String
    @Flag(help: "Do it.") var yes = false
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard yes else { throw ValidationError("this cannot be undone; say --yes") }
    }

    func run() async throws {
        var request = PBEraseUserRequest()
        request.customerID = customer
        request.userID = user
        let response = try await connection.connect { [request] in try await $0.eraseUser(request) }
        Terminal.warn(ofPending: response.serversPending)
        try Answer(
            message: response, table: { _ in "Erased (revision \(response.revision)).\n" },
            csv: { [["revision"], ["\(response.revision)"]] }
        ).print(connection.output)
    }
}
