import Foundation
import Testing

/// Which target may import what: the arrows of the architecture.
struct ImportTests {
    /// The table. A target that is missing here may not exist.
    static let allowed: [String: Set<String>] = [
        "Tenancy": [],
        "LicenseModel": ["Tenancy"],
        "InsightsCore": ["Tenancy", "LicenseModel", "HashTreeCollections"],
        "Datastore": ["Tenancy", "LicenseModel", "Synchronization"],
        "DatastoreSQLite": [
            "Datastore", "Foundation", "GRDB", "Glibc", "LicenseModel", "Synchronization", "Tenancy",
        ],
        "Authentication": ["Crypto", "CryptoExtras", "Foundation", "Glibc", "Synchronization", "Tenancy"],
        "InsightsAPI": ["SwiftProtobuf", "Tenancy"],
        "RPCEngine": ["CLinux", "CNghttp2", "COpenSSL", "CZlib", "Glibc", "Synchronization"],
        "InsightsServer": [
            "Authentication", "Crypto", "Datastore", "DequeModule", "Dispatch", "Foundation", "Glibc", "InsightsAPI",
            "InsightsCore", "LicenseModel", "Logging", "RPCEngine", "SwiftProtobuf", "Synchronization", "Tenancy",
        ],
        "insightsd": [
            "ArgumentParser", "Authentication", "CLinux", "Configuration", "Datastore", "DatastoreSQLite", "Foundation",
            "Glibc", "InsightsCore", "InsightsServer", "LicenseModel", "Logging", "RPCEngine", "ServiceLifecycle",
            "Synchronization", "SystemPackage",
        ],
        "RPCTransport": ["CLinux", "CNghttp2", "COpenSSL", "GRPCCore", "Glibc", "Synchronization"],
        "InsightsClient": [
            "Foundation", "GRPCCore", "GRPCProtobuf", "InsightsAPI", "RPCTransport", "SwiftProtobuf", "Synchronization",
        ],
        "ImportFormats": ["Crypto", "Foundation", "InsightsAPI", "SwiftProtobuf"],
        "insights": [
            "ArgumentParser", "Crypto", "Dispatch", "Foundation", "Glibc", "ImportFormats", "InsightsAPI",
            "InsightsClient", "SwiftProtobuf", "Synchronization",
        ],
    ]

    /// What one folder within a target may import besides.
    static let inFolder: [String: Set<String>] = [
        // Fetches the keys of token issuers over HTTPS.
        "Sources/Authentication/Keys/": ["NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL"]
    ]

    static func imports(of file: SourceFile) -> Set<String> {
        var found: Set<String> = []
        for line in file.code {
            let words = line.split { $0 == " " }.map(String.init)
            guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
                words[..<place].allSatisfy({ $0.hasPrefix("@") || ["public", "internal", "private"].contains($0) })
            else { continue }
            // `import struct Foundation.Data` imports Foundation.
            let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
            let name = kinds.contains(words[place + 1]) ? words.last : words[place + 1]
            found.insert(String((name ?? "").split(separator: ".").first ?? ""))
        }
        return found
    }

    @Test func everyImportIsInTheTable() {
        var wrong: [String] = []
        for file in SourceTree.sources {
            guard var modules = Self.allowed[file.target] else {
                wrong.append("\(file.path): the target \(file.target) is not in the table")
                continue
            }
            for (folder, more) in Self.inFolder where file.path.hasPrefix(folder) { modules.formUnion(more) }
            for module in Self.imports(of: file).subtracting(modules).sorted() {
                wrong.append("\(file.path) imports \(module)")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func theTableNamesOnlyWhatIsThere() {
        #expect(SourceTree.targets.subtracting(Self.allowed.keys).isEmpty)
        #expect(Set(Self.allowed.keys).subtracting(SourceTree.targets).isEmpty)
    }

    /// The store engine is chosen in one place, and the client never sees core, model or store.
    @Test func theArrowsThatMatterMost() {
        for (target, modules) in Self.allowed where target != "insightsd" {
            #expect(!modules.contains("DatastoreSQLite"), "\(target)")
        }
        let inner: Set = [
            "InsightsCore", "LicenseModel", "Datastore", "DatastoreSQLite", "InsightsServer", "RPCEngine",
        ]
        for target in ["insights", "InsightsClient", "ImportFormats", "RPCTransport"] {
            #expect(Self.allowed[target]?.isDisjoint(with: inner) == true, "\(target)")
        }
    }
}
