import Foundation
import Testing

@testable import GraphSync

/// Configurations that somebody typed badly are taken or refused, and nothing else.
struct ConfigurationFuzzTests {
    private typealias Example = ExampleConfiguration

    private static func values() -> [Any] {
        [
            NSNull(), true, 0, -1, 1e300, Int.max, "", " ", "secret", "contracts", "https://x", "http://x", "\u{0}",
            "é\n",
            "../../etc/passwd", String(repeating: "x", count: 9_000), [Any](), ["x"], [String: Any](), ["x": "y"],
            [["tenant_id": Example.tenant]], [["tenant_id": Example.tenant], ["tenant_id": Example.tenant]],
            Example.tenant, "//////", "certificate.pem", "key.pem",
        ]
    }

    /// Puts a value somewhere in the place of another one, takes one away, or gives one a strange name.
    private func mutated(_ value: Any, _ seed: inout Seed) -> Any {
        let other = Self.values().randomElement(using: &seed) ?? NSNull()
        guard var object = value as? [String: Any], Int.random(in: 0..<4, using: &seed) > 0,
            let key = object.keys.sorted().randomElement(using: &seed), let member = object[key]
        else { return other }
        switch Int.random(in: 0..<6, using: &seed) {
        case 0: object[key] = nil
        case 1:
            object[["", "Partner", "key", "\u{0}", "\(key) ", Example.tenant].randomElement(using: &seed) ?? ""] = other
        default: object[key] = mutated(member, &seed)
        }
        return object
    }

    private func bytes(_ example: Example, _ seed: inout Seed) throws -> [UInt8] {
        var root: Any = example.root
        for _ in 0..<Int.random(in: 0...3, using: &seed) { root = mutated(root, &seed) }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .fragmentsAllowed]
        var bytes = [UInt8](try JSONSerialization.data(withJSONObject: root, options: options))
        guard Bool.random(using: &seed) else { return bytes }
        for _ in 0..<Int.random(in: 1...3, using: &seed) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &seed)
            switch Int.random(in: 0..<4, using: &seed) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &seed)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            default: bytes.removeSubrange(place..<min(place + 20, bytes.count))
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2] as [UInt64])
    func mutatedConfigurations(_ number: UInt64) throws {
        var seed = Seed(number)
        let key = try OpenSSLCommand.rsaKey()
        let certificate = try OpenSSLCommand.certificate(of: key)
        var taken = 0
        var complaints: Set<String> = []
        for round in 0..<1_000 {
            var example = try Example()
            try example.folder.write(certificate, to: "certificate.pem")
            try example.folder.write(key, to: "key.pem")
            if round.isMultiple(of: 2) {
                example.set("application.client_secret_file", nil)
                example.set("application.certificate", "certificate.pem")
                example.set("application.key", "key.pem")
            }
            do {
                let configuration = try example.load(bytes: try bytes(example, &seed))
                taken += 1
                #expect(configuration.graph.lowercased().hasPrefix("https://"))
                #expect(configuration.login.lowercased().hasPrefix("https://"))
            } catch let failure as SyncFailure {
                #expect(!failure.description.contains(Example.secret))
                complaints.insert(failure.description.replacing(example.folder.path, with: ""))
            }
        }
        #expect(taken > 50)
        #expect(complaints.count > 50)
    }
}
