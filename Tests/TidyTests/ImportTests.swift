import Foundation
import Testing

/// Which target may import what: the arrows of the architecture.
struct ImportTests {
    /// The table. A target that is missing here may not exist.
    static let allowed: [String: Set<String>] = [
        "Tenancy": [],
        "LicenseModel": ["Tenancy"],
        "InsightsCore": ["HashTreeCollections", "LicenseModel", "Synchronization", "Tenancy"],
        "DurableFiles": ["Glibc", "Synchronization"],
        "LogLines": ["Dispatch", "Foundation", "Glibc", "LicenseModel", "Logging", "Synchronization"],
        "AuditTrail": [
            "Cryptography", "Datastore", "DurableFiles", "Foundation", "Glibc", "LogLines", "Synchronization",
            "Tenancy",
        ],
        "Datastore": ["Dispatch", "Tenancy", "LicenseModel", "Synchronization"],
        "DatastoreSQLite": [
            "Datastore", "DurableFiles", "Foundation", "GRDB", "Glibc", "LicenseModel", "Synchronization", "Tenancy",
        ],
        "DatastorePostgres": ["CLibPQ", "Datastore", "LicenseModel", "Synchronization", "Tenancy"],
        "Cryptography": ["COpenSSL"],
        "Threads": ["CLinux", "Glibc"],
        "Outgoing": ["CCurl", "Glibc", "Synchronization", "Threads"],
        "Authentication": [
            "Cryptography", "Dispatch", "Foundation", "Glibc", "Outgoing", "Synchronization", "Tenancy",
        ],
        "InsightsAPI": ["SwiftProtobuf", "Tenancy"],
        "FactReading": ["InsightsAPI", "LicenseModel", "Tenancy"],
        "RPCEngine": ["CLinux", "CNghttp2", "COpenSSL", "CZlib", "Glibc", "Synchronization", "Threads"],
        "InsightsWeb": [
            "Authentication", "Foundation", "InsightsAPI", "LicenseModel", "RPCEngine", "SwiftProtobuf",
            "Synchronization", "Tenancy",
        ],
        "InsightsServer": [
            "AuditTrail", "Authentication", "Cryptography", "Datastore", "DequeModule", "Dispatch", "DurableFiles",
            "FactReading",
            "Foundation", "Glibc", "InsightsAPI", "InsightsCore", "InsightsWeb", "LicenseModel", "LogLines", "Logging",
            "RPCEngine", "SwiftProtobuf", "Synchronization", "Tenancy", "Threads",
        ],
        "insightsd": [
            "ArgumentParser", "AuditTrail", "Authentication", "CLinux", "Configuration", "Datastore",
            "DatastorePostgres", "DatastoreSQLite", "DurableFiles", "Foundation",
            "Glibc", "InsightsCore", "InsightsServer", "InsightsWeb", "LicenseModel", "LogLines", "Logging",
            "RPCEngine", "ServiceLifecycle", "Synchronization", "SystemPackage",
        ],
        "RPCTransport": ["CLinux", "CNghttp2", "COpenSSL", "GRPCCore", "Glibc", "Synchronization", "Threads"],
        "InsightsClient": [
            "Foundation", "GRPCCore", "GRPCProtobuf", "InsightsAPI", "RPCTransport", "SwiftProtobuf", "Synchronization",
        ],
        "ImportFormats": [
            "Cryptography", "FactReading", "Foundation", "InsightsAPI", "LicenseModel", "SwiftProtobuf", "Tenancy",
        ],
        "GraphSync": [
            "Cryptography", "Dispatch", "DurableFiles", "Foundation", "Glibc", "HeapModule", "ImportFormats",
            "InsightsAPI",
            "LicenseModel", "Outgoing", "Synchronization", "Tenancy",
        ],
        "insights": [
            "ArgumentParser", "Cryptography", "Dispatch", "Foundation", "Glibc", "GraphSync", "ImportFormats",
            "InsightsAPI", "InsightsClient", "LicenseModel", "SwiftProtobuf", "Synchronization", "Tenancy",
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

    /// The store engine is chosen in one place. The client speaks the server's words and sees nothing else of it.
    @Test func theArrowsThatMatterMost() {
        for (target, modules) in Self.allowed where target != "insightsd" {
            #expect(modules.isDisjoint(with: ["DatastoreSQLite", "DatastorePostgres"]), "\(target)")
        }
        let words: Set = ["Tenancy", "LicenseModel", "FactReading"]
        let client: Set = ["insights", "GraphSync", "InsightsClient", "ImportFormats", "RPCTransport"]
        let tools: Set = ["Cryptography", "DurableFiles", "Outgoing", "Threads"]
        let shared = words.union(["InsightsAPI"])
        for target in client {
            let ours = (Self.allowed[target] ?? []).intersection(Self.allowed.keys)
            #expect(ours.isSubset(of: client.union(shared).union(tools)), "\(target)")
        }
        // What both sides share is pure: no clock, no files, not even Foundation.
        for target in words {
            #expect(Self.allowed[target]?.isSubset(of: shared) == true, "\(target)")
        }
    }
}
