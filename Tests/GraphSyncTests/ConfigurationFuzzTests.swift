import DatastoreConformance
import Foundation
import OpenSSLTool
import Testing

@testable import GraphSync

/// Configurations that somebody typed badly are taken or refused, and nothing else.
struct ConfigurationFuzzTests {
    private typealias Example = ExampleConfiguration

    private static func values() -> [Any?] {
        [
            nil, NSNull(), true, 0, -1, 1e300, Int.max, "", " ", "secret", "contracts", "https://x", "http://x",
            "\u{0}",
            "é\n", "../../etc/passwd", String(repeating: "x", count: 9_000), [Any](), ["x"], [String: Any](),
            ["x": "y"],
            [["tenant_id": Example.tenant]], [["tenant_id": Example.tenant], ["tenant_id": Example.tenant]],
            Example.tenant, "//////", "certificate.pem", "key.pem",
        ]
    }

    private static let names = ["", "Partner", "key", "\u{0}", Example.tenant, "tenant_id"]

    /// A configuration with files of both credentials beside it, which many forms of it share.
    private func example(byCertificate: Bool) throws -> Example {
        var example = try Example()
        let key = try OpenSSLCommand.rsaKey()
        try example.folder.write(try OpenSSLCommand.certificate(of: key), to: "certificate.pem")
        try example.folder.write(key, to: "key.pem")
        if byCertificate {
            example.set("application.client_secret_file", nil)
            example.set("application.certificate", "certificate.pem")
            example.set("application.key", "key.pem")
        }
        example.set("customers", [["tenant_id": Example.tenant, "customer_id": "c", "name": "n", "market": "m"]])
        return example
    }

    /// The paths of all members, such as `application.key` and `customers.0.name`.
    private func paths(_ value: Any, _ path: [String] = []) -> [[String]] {
        var members: [(String, Any)] = []
        if let object = value as? [String: Any] { members = object.sorted { $0.key < $1.key } }
        if let list = value as? [Any] { members = list.enumerated().map { ("\($0.offset)", $0.element) } }
        return [path] + members.flatMap { paths($0.1, path + [$0.0]) }
    }

    /// The value with another one at a path; nil takes it away.
    private func setting(_ path: ArraySlice<String>, _ other: Any?, in value: Any) -> Any {
        guard let key = path.first else { return other ?? NSNull() }
        if var list = value as? [Any] {
            guard let index = Int(key), list.indices.contains(index) else { return value }
            if path.count == 1, other == nil {
                list.remove(at: index)
            } else {
                list[index] = setting(path.dropFirst(), other, in: list[index])
            }
            return list
        }
        guard var object = value as? [String: Any] else { return value }
        if path.count == 1, other == nil {
            object[key] = nil
        } else {
            object[key] = setting(path.dropFirst(), other, in: object[key] ?? NSNull())
        }
        return object
    }

    private func bytes(_ value: Any) throws -> [UInt8] {
        [UInt8](try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]))
    }

    /// What it says; nil when it is taken.
    private func complaint(_ example: Example, _ bytes: [UInt8]) throws -> String? {
        do {
            let configuration = try example.load(bytes: bytes)
            #expect(configuration.graph.lowercased().hasPrefix("https://"))
            #expect(configuration.login.lowercased().hasPrefix("https://"))
            return nil
        } catch let failure as SyncFailure {
            #expect(!failure.description.contains(Example.secret))
            return failure.description.replacing(example.folder.path, with: "")
        }
    }

    /// Every value in the place of every member, and every name beside it.
    @Test(arguments: [false, true])
    func everythingEverywhere(_ byCertificate: Bool) throws {
        let example = try example(byCertificate: byCertificate)
        var complaints: Set<String?> = []
        let all = paths(example.root)
        #expect(all.count >= 20)
        // The rest does not depend on the credential.
        for path in all where !byCertificate || path.first == "application" {
            for value in Self.values() {
                complaints.insert(try complaint(example, try bytes(setting(path[...], value, in: example.root))))
            }
            for name in Self.names {
                complaints.insert(
                    try complaint(example, try bytes(setting(path + [name], "x", in: example.root))))
            }
        }
        #expect(complaints.contains(nil) && complaints.count > (byCertificate ? 20 : 100))
    }

    @Test(arguments: [1, 2] as [UInt64])
    func damagedBytes(_ number: UInt64) throws {
        var seed = SeededGenerator(seed: number)
        let example = try example(byCertificate: number == 2)
        let good = try bytes(example.root)
        var taken = 0
        var complaints: Set<String> = []
        for _ in 0..<500 {
            var bytes = good
            for _ in 0..<seed.int(1...3) where !bytes.isEmpty {
                let place = seed.int(0...bytes.count - 1)
                switch seed.int(0...3) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &seed)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
                default: bytes.removeSubrange(place..<min(place + 20, bytes.count))
                }
            }
            if let complaint = try complaint(example, bytes) { complaints.insert(complaint) } else { taken += 1 }
        }
        #expect(taken > 10 && complaints.count > 10)
    }
}
