import Foundation
import Testing

@testable import GraphSync

/// A configuration with everything in it, and the files that it names.
struct ExampleConfiguration {
    typealias Object = [String: Any]

    static let secret = "s3cr3t~of.the-application"
    static let partner = "06c81bb0-9af4-5cb1-9ded-dd8e6d87c007"
    static let tenant = "7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0001"
    static let otherTenant = "7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0002"

    let folder: TemporaryFolder
    var root: Object

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("\(Self.secret)\n".utf8, to: "secret")
        root = [
            "partner": ["partner_id": "contoso-reseller", "tenant_id": Self.partner],
            "application": [
                "client_id": "7f0c…", "client_secret_file": "secret", "certificate": NSNull(), "key": NSNull(),
            ],
            "endpoints": [
                "login": "https://login.microsoftonline.com", "graph": "https://graph.microsoft.com", "ca": NSNull(),
            ],
            "customers": "contracts",
            "partner_tenants": ["673c3bdc-2b51-538b-8364-063972b52b87": "fabrikam-cloud"],
        ]
    }

    /// Puts a value at a path such as `application.key`; nil takes the key away.
    mutating func set(_ path: String, _ value: Any?) {
        root = Self.setting(path.split(separator: ".").map(String.init)[...], value, in: root)
    }

    private static func setting(_ path: ArraySlice<String>, _ value: Any?, in object: Object) -> Object {
        var object = object
        guard let key = path.first else { return object }
        let rest = path.dropFirst()
        object[key] = rest.isEmpty ? value : setting(rest, value, in: object[key] as? Object ?? [:])
        return object
    }

    func load() throws -> SyncConfiguration {
        try load(bytes: JSONSerialization.data(withJSONObject: root, options: [.sortedKeys]))
    }

    func load(bytes: some Sequence<UInt8>) throws -> SyncConfiguration {
        try folder.write(bytes, to: "contoso.json")
        return try SyncConfiguration.load(folder.file("contoso.json"))
    }

    /// What it says when it is refused, without its own name in front.
    func complaint() throws -> String {
        do {
            _ = try load()
            return "taken"
        } catch let failure as SyncFailure {
            return failure.description.replacing("contoso.json: ", with: "")
        }
    }

    static func complaint(_ path: String, _ value: Any?) throws -> String {
        var example = try ExampleConfiguration()
        example.set(path, value)
        return try example.complaint()
    }
}
