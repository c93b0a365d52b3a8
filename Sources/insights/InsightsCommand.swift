import ArgumentParser
import Foundation

/// The command line. Every failure is one line on standard error and exit code 1.
struct InsightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "insights",
        abstract: "Deployment and usage of your customers' licenses.",
        discussion: """
            Every command talks to an insightsd server over TLS. Who you are is decided by your client certificate \
            (--cert, --key) or your token (--token-file); everything you see belongs to your partner.

            Give the connection by options, by environment variables (INSIGHTS_SERVER, INSIGHTS_CA, INSIGHTS_CERT, \
            INSIGHTS_KEY, INSIGHTS_TOKEN, INSIGHTS_TOKEN_FILE, INSIGHTS_PROFILE, INSIGHTS_CONFIG) or by a profile in \
            ~/.config/insights/config.json:

              {"default_profile": "alice", "profiles": {"alice": {"server": "localhost:8443",
               "ca": "ca.pem", "cert": "alice.pem", "key": "alice.key"}}}

            Examples:
              insights portfolio
              insights customer contoso --as-of 2026-03-31
              insights customers --filter 'usage < 40 AND sold >= 25' --order-by 'usage'
              insights trend contoso --interval week
              insights export --from 2026-01-01 --to 2026-03-31 --out portfolio.csv
              insights import graph-active-users report.csv --customer contoso
            """,
        version: "1.0.0",
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Figures",
                subcommands: [
                    PortfolioCommand.self, CustomerCommand.self, CustomersCommand.self, CompareCommand.self,
                    TrendCommand.self, ExplainCommand.self, AdviceCommand.self, ExportCommand.self,
                ]),
            CommandGroup(name: "Customers", subcommands: [SubscriptionsCommand.self, UsersCommand.self]),
            CommandGroup(
                name: "Access",
                subcommands: [WhoAmICommand.self, PrincipalsCommand.self, PartnersCommand.self, AuditCommand.self]),
            CommandGroup(
                name: "Feeding (operator)",
                subcommands: [ImportCommand.self, IngestStatusCommand.self, EraseUserCommand.self]),
        ])
}

@main
enum Main {
    static func main() async {
        // A reader that goes away, as `insights users C | head` does, is no reason to die noisily.
        signal(SIGPIPE, SIG_IGN)
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    private static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try InsightsCommand.parseAsRoot(GlobalFlags.hoisted(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return report(error)
        }
    }

    private static func report(_ error: any Error) -> Int32 {
        if InsightsCommand.exitCode(for: error).isSuccess {
            Terminal.write(InsightsCommand.fullMessage(for: error) + "\n")
            return 0
        }
        Terminal.writeError("insights: \(ErrorText.line(for: error))")
        return 1
    }
}

/// Lets connection and output options stand before the command as well as after it.
enum GlobalFlags {
    private static let withValue: Set<String> = [
        "--server", "--ca", "--cert", "--key", "--token", "--token-file", "--profile", "--config", "--output", "-o",
        "--timeout",
    ]

    static func hoisted(_ arguments: [String]) -> [String] {
        var leading = [String]()
        var index = 0
        while index < arguments.count {
            let name = arguments[index]
            if withValue.contains(name), index + 1 < arguments.count {
                leading += arguments[index...(index + 1)]
                index += 2
            } else if let equals = name.firstIndex(of: "="), withValue.contains(String(name[..<equals])) {
                leading.append(name)
                index += 1
            } else {
                break
            }
        }
        var rest = Array(arguments[index...])
        if leading.isEmpty || rest.isEmpty { return arguments }
        rest.insert(contentsOf: leading, at: rest.firstIndex(of: "--") ?? rest.endIndex)
        return rest
    }
}
