import ArgumentParser
import Foundation

/// The command line. Every failure is one line on standard error and exit code 1.
struct InsightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "insights",
        abstract: "Deployment and usage of your customers' licenses.",
        discussion: """
            Every command talks to an insightsd server over TLS. Who you are is decided by your client certificate \
            (--cert, --key) or your token (--token-file); everything you see belongs to your partner. Any role reads \
            the figures; `insights whoami` shows what else you may do.

            Deployment is licenses assigned to people per licenses sold. Usage is the people who were active in the \
            28 days up to a day per people whose license counts; it can pass 100 %, and `insights explain` says why.

            Give the connection by options, by environment variables (INSIGHTS_SERVER, INSIGHTS_CA, INSIGHTS_CERT, \
            INSIGHTS_KEY, INSIGHTS_TOKEN, INSIGHTS_TOKEN_FILE, INSIGHTS_PROFILE, INSIGHTS_PROFILES) or by a profile in \
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
                    TrendCommand.self, ExplainCommand.self, AdviceCommand.self, ExportCommand.self, WatchCommand.self,
                ]),
            CommandGroup(name: "Customers", subcommands: [SubscriptionsCommand.self, UsersCommand.self]),
            CommandGroup(
                name: "Access",
                subcommands: [WhoAmICommand.self, PrincipalsCommand.self, PartnersCommand.self, AuditCommand.self]),
            CommandGroup(
                name: "Feeding (operator)",
                subcommands: [
                    ImportCommand.self, SyncCommand.self, IngestStatusCommand.self, CheckCommand.self,
                    EraseUserCommand.self,
                ]),
        ])
}

extension InsightsCommand {
    static func command(_ arguments: [String]) throws -> any ParsableCommand {
        if let complaint = CommandNames.complaint(about: arguments) { throw CommandFailure(complaint) }
        return try parseAsRoot(GlobalFlags.hoisted(arguments))
    }
}

@main
enum Main {
    static func main() async {
        // A reader that goes away, as `insights users C | head` does, is no reason to die noisily.
        signal(SIGPIPE, SIG_IGN)
        let code = await run(Array(CommandLine.arguments.dropFirst()))
        // What a normal exit takes apart may still be in use by threads that end by themselves.
        fflush(nil)
        _exit(code)
    }

    private static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try InsightsCommand.command(arguments)
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
        // The command has said itself what there is to say.
        if let code = error as? ExitCode { return code.rawValue }
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
        var (leading, rest) = split(arguments)
        if leading.isEmpty || rest.isEmpty { return arguments }
        rest.insert(contentsOf: leading, at: rest.firstIndex(of: "--") ?? rest.endIndex)
        return rest
    }

    /// Divides the options that stand before the command from all that follows.
    static func split(_ arguments: [String]) -> (leading: [String], rest: [String]) {
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
        return (leading, Array(arguments[index...]))
    }
}
