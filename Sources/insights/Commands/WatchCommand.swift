import ArgumentParser
import InsightsAPI
import InsightsClient

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Which customers change, until it is interrupted.",
        discussion: """
            Prints a line for each message: the revision, then the ids of the customers whose facts changed, or "all" \
            when more changed than can be listed. With --output json one JSON object per line. A cut connection is \
            taken up again by itself, and nothing is missed; after an interruption --after goes on behind a revision.

            Examples:
              insights watch
              insights watch --after 4711
              insights watch --output json | jq .customer_ids
            """)

    @Option(help: ArgumentHelp("Go on behind this revision instead of now.", valueName: "revision"))
    var after: UInt64 = 0
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let isJSON = connection.output == .json
        let after = after
        try await connection.connect { client in
            try await client.watchInsights(after: after) { message in
                Terminal.write(isJSON ? try JSONText.line(message) : message.textLine)
            }
        }
    }
}

extension PBWatchInsightsResponse {
    fileprivate var textLine: String {
        "\(revision)\t\(allCustomers ? "all" : customerIds.joined(separator: " "))\n"
    }
}
