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
        "Outgoing": ["CCurl", "CLinux", "Foundation", "Glibc", "Synchronization"],
        "Authentication": [
            "Crypto", "CryptoExtras", "Dispatch", "Foundation", "Glibc", "Outgoing", "Synchronization", "Tenancy",
        ],
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
        "InsightsClient": [
            "Foundation", "GRPCCore", "GRPCNIOTransportHTTP2Posix", "GRPCProtobuf", "InsightsAPI", "SwiftProtobuf",
            "Synchronization",
        ],
        "ImportFormats": ["Crypto", "Foundation", "InsightsAPI", "SwiftProtobuf"],
        "insights": [
            "ArgumentParser", "Crypto", "Dispatch", "Foundation", "Glibc", "ImportFormats", "InsightsAPI",
            "InsightsClient", "SwiftProtobuf", "Synchronization",
        ],
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
            guard let modules = Self.allowed[file.target] else {
                wrong.append("\(file.path): the target \(file.target) is not in the table")
                continue
            }
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
        for target in ["insights", "InsightsClient", "ImportFormats"] {
            #expect(Self.allowed[target]?.isDisjoint(with: inner) == true, "\(target)")
        }
    }
}
