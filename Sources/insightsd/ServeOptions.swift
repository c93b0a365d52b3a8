import ArgumentParser

/// The options of `insightsd serve` and `check-config`. Each is also an environment variable (`--tls-cert` is
/// `INSIGHTS_TLS_CERT`) and a key of the config file (`tls-cert`); flags win over environment over file.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("JSON file with any of these options as keys.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Address of the gRPC server (default 127.0.0.1:8443; port 0 picks one).", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Address for health and metrics (default 127.0.0.1:9464; port 0 picks one).", valueName: "host:port"))
    var adminListen: String?

    @Option(help: ArgumentHelp("Folder of the store, the audit chain and keys (default ./data).", valueName: "folder"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the keys that servers on one store have alike (default: the data folder).", valueName: "folder"))
    var keys: String?

    @Option(
        help: ArgumentHelp(
            "Store: sqlite:PATH (default: insights.sqlite in the data folder), postgres://… or service=….",
            valueName: "url"))
    var store: String?

    @Option(
        help: ArgumentHelp("Refuse a PostgreSQL without a synchronous standby: yes or no (default).", valueName: "word")
    )
    var requireStandby: String?

    @Option(help: ArgumentHelp("Server certificate chain, PEM; read again when it changes.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("Private key of the server certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp("Authorities of client certificates, PEM; read again when it changes.", valueName: "file"))
    var clientCa: String?

    @Option(help: ArgumentHelp("Certificate revocation lists, PEM; read again when it changes.", valueName: "file"))
    var crl: String?

    @Option(help: ArgumentHelp("Lowest TLS version: 1.3 (default) or 1.2.", valueName: "version"))
    var tlsMinimum: String?

    @Option(help: ArgumentHelp("Trust domain of client certificates (default insights.local).", valueName: "domain"))
    var trustDomain: String?

    @Option(
        name: .customLong("token-issuer"), parsing: .singleValue,
        help: ArgumentHelp("Issuer of bearer tokens: a JSON file; may be repeated.", valueName: "file"))
    var tokenIssuers: [String] = []

    @Option(
        help: ArgumentHelp("Authorities of the issuers' key servers, PEM (default: the system's).", valueName: "file"))
    var tokenCa: String?

    @Option(
        help: ArgumentHelp(
            "Besides gRPC on the same port: api, legacy, pages (for browsers), all, or none (default).",
            valueName: "parts"))
    var web: String?

    @Option(
        help: ArgumentHelp(
            "How legacy resources write 100 %: percent (100, default) or fraction (1).", valueName: "scale"))
    var legacyPercent: String?

    @Option(
        help: ArgumentHelp(
            "Where browsers find the server: https://host or https://host:port; needed for signing in.",
            valueName: "url"))
    var publicUrl: String?

    @Option(help: ArgumentHelp("trace, debug, info (default), notice, warning, error or critical.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("json (default) or text.", valueName: "format"))
    var logFormat: String?

    @Option(help: ArgumentHelp("Seconds that running calls get at shutdown (default 30).", valueName: "seconds"))
    var shutdownGrace: Int?

    @Option(help: ArgumentHelp("Event loops (default: one per core).", valueName: "count"))
    var loops: Int?

    @OptionGroup(title: "Limits") var limits: LimitOptions

    @OptionGroup(title: "Advice") var advice: AdviceOptions
}

/// The options of commands that only need to find the files of a server.
struct DataOptions: ParsableArguments {
    @Option(help: ArgumentHelp("JSON file with the options of serve as keys.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Folder of the store and the audit chain (default ./data).", valueName: "folder"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Store: sqlite:PATH (default: insights.sqlite in the data folder), postgres://… or service=….",
            valueName: "url"))
    var store: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the keys that servers on one store have alike (default: the data folder).", valueName: "folder"))
    var keys: String?

    /// The settings as `serve` would find them, without those that only a running server needs.
    func settings() async throws -> Settings {
        let flags = ["data": data, "store": store, "keys": keys].compactMapValues { $0 }
        return try Settings(try await SettingsSource(config: config, flags: flags), serving: false)
    }
}
