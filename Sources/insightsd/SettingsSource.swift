import Configuration
import Foundation
import SystemPackage

/// Where settings come from: flags win over `INSIGHTS_…` environment variables over the JSON config file.
struct SettingsSource {
    private let flags: [String: String]
    private let repeatedFlags: [String: [String]]
    private let environment: ConfigReader
    private let file: ConfigReader?

    init(_ options: ServeOptions) async throws {
        try await self.init(
            config: options.config, flags: Self.given(options),
            repeatedFlags: options.tokenIssuers.isEmpty ? [:] : ["token-issuer": options.tokenIssuers])
    }

    /// - Parameters:
    ///   - config: path of the config file, when a flag names one.
    ///   - flags: by name without the dashes.
    init(config: String?, flags: [String: String], repeatedFlags: [String: [String]] = [:]) async throws {
        self.flags = flags
        self.repeatedFlags = repeatedFlags
        environment = ConfigReader(provider: EnvironmentVariablesProvider())
        guard let path = config ?? environment.string(forKey: ConfigKey(["insights", "config"])) else {
            file = nil
            return
        }
        do {
            try Self.refuseUnknownKeys(in: path)
            file = ConfigReader(provider: try await FileProvider<JSONSnapshot>(filePath: FilePath(path)))
        } catch let error as SettingsError {
            throw error
        } catch {
            throw SettingsError(description: "--config: \(path) cannot be read as a JSON object")
        }
    }

    /// Nil when nobody set it; an empty value counts as not set.
    func string(_ name: String) -> String? {
        let candidates =
            [
                flags[name],
                environment.string(forKey: ConfigKey(["insights", name])),
            ]
            + Self.spellings(of: name).flatMap { key in
                [file?.string(forKey: key), file?.int(forKey: key).map(String.init)]
            }
        return candidates.compactMap { $0 }.first { !$0.isEmpty }
    }

    /// A repeated flag; in the environment separated by commas, in the file a list or one text.
    func list(_ name: String) -> [String] {
        if let values = repeatedFlags[name] { return values }
        if let text = environment.string(forKey: ConfigKey(["insights", name])), !text.isEmpty {
            return text.split(separator: ",").map(String.init)
        }
        for key in Self.spellings(of: name) {
            if let values = file?.stringArray(forKey: key) { return values }
            if let value = file?.string(forKey: key) { return [value] }
        }
        return []
    }

    /// `tls-cert` may be written `tls_cert` in the file.
    private static func spellings(of name: String) -> [ConfigKey] {
        name.contains("-") ? [ConfigKey([name]), ConfigKey([underscored(name)])] : [ConfigKey([name])]
    }

    private static func underscored(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    func int(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        guard let text = string(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw SettingsError(
                description: "--\(name): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func choice(_ name: String, from choices: [String]) throws(SettingsError) -> String? {
        guard let text = string(name) else { return nil }
        guard choices.contains(text) else {
            throw SettingsError(description: "--\(name): must be one of \(choices.joined(separator: ", "))")
        }
        return text
    }

    private static func given(_ options: ServeOptions) -> [String: String] {
        let values: [(String, String?)] = [
            ("listen", options.listen), ("admin-listen", options.adminListen), ("data", options.data),
            ("keys", options.keys), ("store", options.store), ("require-standby", options.requireStandby),
            ("tls-cert", options.tlsCert), ("tls-key", options.tlsKey),
            ("client-ca", options.clientCa), ("crl", options.crl), ("tls-minimum", options.tlsMinimum),
            ("trust-domain", options.trustDomain), ("token-ca", options.tokenCa), ("log-level", options.logLevel),
            ("log-format", options.logFormat), ("shutdown-grace", options.shutdownGrace.map(String.init)),
            ("loops", options.loops.map(String.init)), ("web", options.web),
            ("legacy-percent", options.legacyPercent),
            ("public-url", options.publicUrl),
        ]
        let numbers =
            NumberOption.limits.map { ($0.option.name, options.limits[keyPath: $0.flag]) }
            + NumberOption.advice.map { ($0.option.name, options.advice[keyPath: $0.flag]) }
        return Dictionary(
            uniqueKeysWithValues: values.compactMap { name, value in value.map { (name, $0) } }
                + numbers.compactMap { name, value in value.map { (name, String($0)) } })
    }

    /// Every key of the config file.
    private static let names = Set(NumberOption.all.map(\.name)).union([
        "listen", "admin-listen", "data", "keys", "store", "require-standby", "tls-cert", "tls-key", "client-ca", "crl",
        "tls-minimum",
        "trust-domain", "token-issuer", "token-ca", "web", "legacy-percent", "log-level", "log-format",
        "public-url", "shutdown-grace", "loops",
    ])

    /// Bound of a config file, in bytes.
    private static let maximumFileBytes = 1 << 20

    /// A misspelled key would silently leave a default in force.
    private static func refuseUnknownKeys(in path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        guard data.count <= maximumFileBytes else {
            throw SettingsError(description: "--config: \(path) is larger than 1 MiB")
        }
        guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw SettingsError(description: "--config: \(path) is not a JSON object")
        }
        let known = names.union(names.map(underscored))
        if let unknown = object.keys.filter({ !known.contains($0) }).min() {
            throw SettingsError(description: "--config: \(path) has the unknown key '\(unknown)'")
        }
        if let twice = names.filter({ $0.contains("-") && object[$0] != nil && object[underscored($0)] != nil }).min() {
            throw SettingsError(description: "--config: \(path) has the key '\(twice)' in two spellings")
        }
    }
}
