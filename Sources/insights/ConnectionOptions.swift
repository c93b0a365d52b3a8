import ArgumentParser
import Foundation
import InsightsClient

/// Who talks to which server, and how answers are printed; part of every command.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Server as HOST:PORT.",
            discussion: """
                Several servers, with commas between them or by giving the option again, are tried in turn. Default: \
                localhost:8443.
                """,
            valueName: "host:port"))
    var server: [String] = []
    @Option(help: ArgumentHelp("Certificate authority of the server (PEM).", valueName: "file"))
    var ca: String?
    @Option(help: ArgumentHelp("Your client certificate (PEM).", valueName: "file"))
    var cert: String?
    @Option(help: ArgumentHelp("Key of the client certificate (PEM).", valueName: "file"))
    var key: String?
    @Option(
        help: ArgumentHelp(
            "Bearer token. Other users of the machine can see it: prefer --token-file or INSIGHTS_TOKEN.",
            valueName: "token"))
    var token: String?
    @Option(help: ArgumentHelp("File that holds a bearer token.", valueName: "file"))
    var tokenFile: String?
    @Option(
        help: ArgumentHelp(
            "Profile of the config file.", discussion: "Default: its default_profile.", valueName: "name"))
    var profile: String?
    @Option(
        help: ArgumentHelp("Config file.", discussion: "Default: ~/.config/insights/config.json.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Seconds to wait for an answer.", valueName: "seconds"))
    var timeout: Int = 30
    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp(
            "How to print.",
            discussion: """
                json is the protobuf JSON of the answer, with whole numbers as numbers: a zero is a zero, and what is \
                not reported is left out. csv has a header line; what is not reported is empty.
                """,
            valueName: "format"))
    var output: OutputFormat = .table

    func validate() throws {
        guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout must be within 1 to 86400") }
    }

    /// Options win over the environment, the environment over the profile.
    func settings() throws -> ConnectionSettings {
        let environment = ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty }
        let profile = try Profile.load(
            name: self.profile ?? environment["INSIGHTS_PROFILE"], path: config ?? environment["INSIGHTS_PROFILES"],
            home: environment["HOME"])
        let given = self.server.isEmpty ? nil : self.server.joined(separator: ",")
        let server = given ?? environment["INSIGHTS_SERVER"] ?? profile.server ?? "localhost:8443"
        guard var settings = ConnectionSettings(server: server) else {
            throw CommandFailure("--server “\(server)” is not HOST:PORT")
        }
        settings.authorityFile = try readable(ca ?? environment["INSIGHTS_CA"] ?? profile.ca, "--ca")
        settings.certificateFile = try readable(cert ?? environment["INSIGHTS_CERT"] ?? profile.cert, "--cert")
        settings.keyFile = try readable(key ?? environment["INSIGHTS_KEY"] ?? profile.key, "--key")
        if let token {
            settings.token = token
        } else if let tokenFile {
            settings.token = try Self.readToken(tokenFile)
        } else if let token = environment["INSIGHTS_TOKEN"] {
            settings.token = token
        } else if let file = environment["INSIGHTS_TOKEN_FILE"] ?? profile.tokenFile {
            settings.token = try Self.readToken(file)
        }
        if let token = settings.token, !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) || token.isEmpty {
            throw CommandFailure("the token must be of visible ASCII characters")
        }
        settings.timeout = .seconds(timeout)
        return settings
    }

    private func readable(_ path: String?, _ option: String) throws -> String? {
        guard let path else { return nil }
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandFailure("\(option): the file “\(path)” cannot be read")
        }
        return path
    }

    private static func readToken(_ path: String) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 64 << 10),
            let text = String(data: data, encoding: .utf8)
        else { throw CommandFailure("the token file “\(path)” cannot be read") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs a body with a connected client.
    func connect<Result: Sendable>(_ body: (InsightsClient) async throws -> Result) async throws -> Result {
        try await InsightsClient.withConnection(try settings(), body)
    }
}
