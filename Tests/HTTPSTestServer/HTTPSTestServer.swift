import Foundation

/// Servers of `server.py`, in a process of their own that ends with this object.
public final class HTTPSTestServer: Sendable {
    public enum Site: String, Sendable {
        /// Certified for `localhost`, and for 127.0.0.1.
        case name, address
        /// TLS 1.1 at most.
        case old
        /// HTTP without TLS.
        case plain
        /// Tunnels, or answers 407.
        case proxy, refusingProxy = "refusing_proxy"
        /// Accepts, reads and says nothing.
        case mute
    }

    struct NotStarted: Error {}

    public let folder: URL
    private let ports: [String: Int]
    private let process = Process()
    private let input = Pipe()

    /// A proxy of the machine that the tests run on has no way to their servers.
    private static let hasNoProxy: Void = {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] { unsetenv(name) }
    }()

    public init() throws {
        _ = Self.hasNoProxy
        folder = FileManager.default.temporaryDirectory.appending(path: "https-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard let script = Bundle.module.url(forResource: "server", withExtension: "py") else { throw NotStarted() }
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-B", script.path, folder.path]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { throw NotStarted() }
            line += more
        }
        ports = try JSONDecoder().decode([String: Int].self, from: line)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// What certifies the sites, and what certifies none.
    public var authority: String { folder.appending(path: "authority.pem").path }
    public var stranger: String { folder.appending(path: "stranger.pem").path }

    public func port(_ site: Site) -> Int { ports[site.rawValue] ?? 0 }

    public func url(_ path: String, of site: Site = .name) -> String {
        let host = site == .address ? "127.0.0.1" : "localhost"
        return "\(site == .plain ? "http" : "https")://\(host):\(port(site))\(path)"
    }
}
