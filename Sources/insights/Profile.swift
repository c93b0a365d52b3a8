import Foundation

/// One named connection of the config file. Relative paths are relative to that file.
struct Profile: Decodable, Equatable {
    var server: String?
    var ca: String?
    var cert: String?
    var key: String?
    var tokenFile: String?

    private enum CodingKeys: String, CodingKey {
        case server, ca, cert, key
        case tokenFile = "token_file"
    }

    private struct ConfigFile: Decodable {
        var defaultProfile: String?
        var profiles: [String: Profile]?

        private enum CodingKeys: String, CodingKey {
            case profiles
            case defaultProfile = "default_profile"
        }
    }

    /// The named profile, else the default one, else an empty one.
    static func load(name: String?, path: String?, home: String?) throws -> Profile {
        let file = path ?? home.map { "\($0)/.config/insights/config.json" }
        guard let file, let handle = FileHandle(forReadingAtPath: file),
            let data = try? handle.read(upToCount: 1 << 20)
        else {
            if let path { throw CommandFailure("the config file “\(path)” cannot be read") }
            if let name { throw CommandFailure("there is no config file with a profile “\(name)”") }
            return Profile()
        }
        guard let config = try? JSONDecoder().decode(ConfigFile.self, from: data) else {
            throw CommandFailure("the config file “\(file)” is not of the form that `insights --help` shows")
        }
        guard let wanted = name ?? config.defaultProfile else { return Profile() }
        guard let profile = config.profiles?[wanted] else {
            throw CommandFailure("the config file “\(file)” has no profile “\(wanted)”")
        }
        return profile.resolved(beside: file)
    }

    private func resolved(beside file: String) -> Profile {
        let folder = (file as NSString).deletingLastPathComponent
        let resolve = { (path: String?) -> String? in
            guard let path else { return nil }
            if path.hasPrefix("/") { return path }
            if path.hasPrefix("~") { return (path as NSString).expandingTildeInPath }
            return folder.isEmpty ? path : "\(folder)/\(path)"
        }
        var profile = self
        profile.ca = resolve(ca)
        profile.cert = resolve(cert)
        profile.key = resolve(key)
        profile.tokenFile = resolve(tokenFile)
        return profile
    }
}
