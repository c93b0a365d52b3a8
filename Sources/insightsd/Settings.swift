import Authentication
import Glibc
import InsightsServer
import InsightsWeb
import LogLines
import RPCEngine

/// Something is wrong with a setting; names the setting, never a secret value.
struct SettingsError: Error, CustomStringConvertible {
    let description: String
}

/// `HOST:PORT`; an IPv6 host stands in brackets.
struct Endpoint: Equatable {
    var host: String
    var port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        self.init(host: host, port: port)
    }

    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether the host is an IP address.
    var isNumeric: Bool {
        var address = in6_addr()
        var address4 = in_addr()
        return inet_pton(AF_INET6, host, &address) == 1 || inet_pton(AF_INET, host, &address4) == 1
    }

    /// Whether only this machine can reach it.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// What is served besides gRPC.
enum WebPart: String, CaseIterable {
    /// JSON and bytes by Connect.
    case api
    /// The vendor's analytics resources of old.
    case legacy
    /// The dashboard.
    case pages

    /// Those that a setting lists.
    static func parts(_ text: String) throws(SettingsError) -> Set<WebPart> {
        switch text {
        case "none": return []
        case "all": return Set(allCases)
        default: break
        }
        var parts: Set<WebPart> = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let part = WebPart(rawValue: String(word)) else {
                let names = allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingsError(description: "--web is a list of \(names), or all, or none")
            }
            parts.insert(part)
        }
        return parts
    }
}

/// Everything that `serve` needs, checked.
struct Settings {
    enum LogFormat: String {
        case json
        case text
    }

    var listen = Endpoint(host: "127.0.0.1", port: 8443)
    var adminListen = Endpoint(host: "127.0.0.1", port: 9464)
    var data = "./data"
    var store = StorePlace.file("")
    /// Refuses a database without a synchronous standby.
    var requiresStandby = false
    /// Folder of the keys that several servers on one store have alike.
    var keys: String?
    var tlsCert = ""
    var tlsKey = ""
    var clientCA: String?
    var crl: String?
    var tlsMinimum = TLSConfiguration.Version.tls13
    var trustDomain = "insights.local"
    var tokenIssuers: [String] = []
    var tokenCA: String?
    /// Other forms than gRPC's that are served; none by default.
    var web: Set<WebPart> = []
    var legacyPercent = LegacyResources.PercentScale.percent
    /// Where browsers find the server; nil where nobody signs in.
    var publicURL: PublicURL?
    var logLevel = "info"
    var logFormat = LogFormat.json
    /// Seconds.
    var shutdownGrace = 30
    var loops = 0
    var numbers = NumberSettings()

    /// - Parameter serving: whether the certificate and key are needed.
    init(_ source: SettingsSource, serving: Bool = true) throws(SettingsError) {
        try readAddresses(source)
        try readTLS(source, isRequired: serving)
        data = source.string("data") ?? data
        store = try StorePlace(source.string("store") ?? "sqlite:\(data)/insights.sqlite")
        requiresStandby = try source.choice("require-standby", from: ["yes", "no"]) == "yes"
        keys = source.string("keys")
        logLevel = try source.choice("log-level", from: Self.logLevels) ?? logLevel
        if let format = try source.choice("log-format", from: ["json", "text"]) {
            logFormat = LogFormat(rawValue: format) ?? logFormat
        }
        tokenIssuers = source.list("token-issuer")
        tokenCA = source.string("token-ca")
        web = try WebPart.parts(source.string("web") ?? "none")
        let scales = LegacyResources.PercentScale.allCases.map(\.rawValue)
        if let scale = try source.choice("legacy-percent", from: scales) {
            legacyPercent = LegacyResources.PercentScale(rawValue: scale) ?? legacyPercent
        }
        if let text = source.string("public-url") {
            guard let url = PublicURL(text) else {
                throw SettingsError(description: "--public-url: must be https://host or https://host:port")
            }
            publicURL = url
        }
        shutdownGrace = try source.int("shutdown-grace", in: 0...3_600) ?? shutdownGrace
        loops = try source.int("loops", in: 0...256) ?? loops
        numbers = try NumberSettings(source)
    }

    static let logLevels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

    private mutating func readAddresses(_ source: SettingsSource) throws(SettingsError) {
        if let text = source.string("listen") {
            guard let endpoint = Endpoint(text) else {
                throw SettingsError(description: "--listen: '\(text)' is not HOST:PORT")
            }
            listen = endpoint
        }
        if let text = source.string("admin-listen") {
            guard let endpoint = Endpoint(text) else {
                throw SettingsError(description: "--admin-listen: '\(text)' is not HOST:PORT")
            }
            guard endpoint.isNumeric || endpoint.host == "localhost" else {
                throw SettingsError(description: "--admin-listen: the host must be an IP address or localhost")
            }
            adminListen = endpoint
        }
    }

    private mutating func readTLS(_ source: SettingsSource, isRequired: Bool) throws(SettingsError) {
        tlsCert = source.string("tls-cert") ?? ""
        tlsKey = source.string("tls-key") ?? ""
        if isRequired, tlsCert.isEmpty { throw SettingsError(description: "--tls-cert is required") }
        if isRequired, tlsKey.isEmpty { throw SettingsError(description: "--tls-key is required") }
        clientCA = source.string("client-ca")
        crl = source.string("crl")
        if let version = try source.choice("tls-minimum", from: ["1.3", "1.2"]) {
            tlsMinimum = version == "1.2" ? .tls12 : .tls13
        }
        trustDomain = source.string("trust-domain") ?? trustDomain
        let allowed = trustDomain.utf8.allSatisfy {
            ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F
        }
        guard allowed, !trustDomain.isEmpty, trustDomain.utf8.count <= 255 else {
            throw SettingsError(description: "--trust-domain may contain only a-z 0-9 . - _")
        }
    }

    /// What the data folder knows of the changes that were acknowledged.
    func history() throws -> StoreHistory { try StoreHistory.read(folder: data, keys: keys) }

    /// Throws for the first file that is named and cannot be read, before anything is opened.
    func checkFiles() throws(SettingsError) {
        let files = [("tls-cert", tlsCert), ("tls-key", tlsKey)]
        let optional = [("client-ca", clientCA), ("crl", crl), ("token-ca", tokenCA)]
        let named = files + optional.compactMap { name, path in path.map { (name, $0) } }
        for (name, path) in named + tokenIssuers.map({ ("token-issuer", $0) }) where access(path, R_OK) != 0 {
            throw SettingsError(description: "--\(name): \(path) cannot be read")
        }
    }

    /// The settings in force, for `check-config`: name and value in the order of the documentation.
    var table: [(name: String, value: String)] {
        [
            ("listen", listen.text),
            ("admin-listen", adminListen.text),
            ("data", data),
            ("keys", keys ?? data),
            ("store", "\(store)"),
            ("require-standby", requiresStandby ? "yes" : "no"),
            ("tls-cert", tlsCert),
            ("tls-key", tlsKey),
            ("client-ca", clientCA ?? "(none)"),
            ("crl", crl ?? "(none)"),
            ("tls-minimum", tlsMinimum == .tls12 ? "1.2" : "1.3"),
            ("trust-domain", trustDomain),
            ("token-issuer", tokenIssuers.isEmpty ? "(none)" : tokenIssuers.joined(separator: ", ")),
            ("token-ca", tokenCA ?? "(the system's)"),
            ("web", web.isEmpty ? "none" : web.map(\.rawValue).sorted().joined(separator: ",")),
            ("legacy-percent", legacyPercent.rawValue),
            ("public-url", publicURL?.origin ?? "(none)"),
            ("log-level", logLevel),
            ("log-format", logFormat.rawValue),
            ("shutdown-grace", "\(shutdownGrace) s"),
            ("loops", loops == 0 ? "one per core" : String(loops)),
        ] + NumberOption.all.map { ($0.name, "\(numbers[$0]) \($0.unit)") }
    }
}
