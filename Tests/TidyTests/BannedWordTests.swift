import Foundation
import Testing

/// Words that Sources may not contain, and where they may stand after all.
struct BannedWordTests {
    struct Rule: Sendable, CustomStringConvertible {
        let pattern: String
        let why: String
        /// Paths or folders, each with the reason why the word may stand there.
        var except: [String: String] = [:]

        var description: String { pattern }
    }

    static let rules: [Rule] = [
        Rule(pattern: #"\btry!"#, why: "traps"),
        Rule(pattern: #"\bas!"#, why: "traps"),
        Rule(pattern: #"\bfatalError\b"#, why: "ends the process"),
        Rule(pattern: #"\bpreconditionFailure\b|\bassertionFailure\b"#, why: "ends the process"),
        Rule(
            pattern: #"\bcrypto_require\b"#, why: "ends the process",
            except: ["Sources/Cryptography/": "without memory or algorithms, as Swift's own allocation does"]),
        Rule(pattern: #"\bunsafeBitCast\b"#, why: "escapes the type system"),
        Rule(
            pattern: #"@unchecked Sendable"#, why: "escapes the check of data races",
            except: [
                "Sources/RPCEngine/": "objects bound to one event loop, or guarded by OpenSSL itself",
                "Sources/Cryptography/": "set once, and shared by OpenSSL itself",
                "Sources/DatastorePostgres/Connection.swift": "guarded by the lock of its lane",
                "Sources/Threads/Locked.swift": "guarded by its mutex",
                "Sources/RPCTransport/": "likewise",
            ]),
        Rule(
            pattern: #"\bprint\("#, why: "standard output belongs to the executables",
            except: ["Sources/insights/": "the client's output", "Sources/insightsd/": "its commands' output"]),
        Rule(
            pattern: #"\bDate\(\)|\bUUID\(\)|\bDate\.now\b"#, why: "time and chance come in as arguments",
            except: ["Sources/insights/": "the client is a composition root"]),
        Rule(
            pattern: #"\bgetenv\b|ProcessInfo\.processInfo\.environment"#, why: "settings come from one place",
            except: ["Sources/insights/": "the client is a composition root"]),
        Rule(
            pattern: #"\bUnsafe(Mutable)?(Raw)?(Buffer)?Pointer\b|\bOpaquePointer\b|\bUnmanaged\b"#,
            why: "unsafe memory",
            except: [
                "Sources/RPCEngine/": "talks to OpenSSL, nghttp2, zlib and the kernel",
                "Sources/Cryptography/": "talks to OpenSSL",
                "Sources/DatastorePostgres/Connection.swift": "talks to libpq",
                "Sources/Outgoing/Curl": "talks to libcurl",
                "Sources/Threads/": "talks to the kernel",
                "Sources/RPCTransport/": "talks to OpenSSL, nghttp2 and the kernel",
            ]),
        Rule(
            pattern: #"\bHTML\(raw:"#, why: "HTML is made of elements and escaped text",
            except: ["Sources/InsightsWeb/Pages/Layout.swift": "what a page begins with"]),
        Rule(
            pattern: #"@_spi\(Authentication\)"#, why: "only authentication makes principals",
            except: [
                "Sources/Tenancy/Principal.swift": "declares it",
                "Sources/Authentication/Authenticator.swift": "uses it",
            ]),
        Rule(
            pattern: #"@_spi\(Recovery\)"#, why: "only recovery gets a grant without a caller",
            except: [
                "Sources/Tenancy/PartnerScope.swift": "declares it",
                "Sources/InsightsServer/State/Recovery.swift": "reads the store back before anybody can call",
            ]),
        Rule(pattern: #"\b(?:TO(?:)DO|FIX(?:)ME|XX(?:)X|HA(?:)CK)\b"#, why: "unfinished"),
    ]

    @Test(arguments: rules)
    func sourcesAreFreeOf(_ rule: Rule) throws {
        let pattern = try Regex(rule.pattern)
        var wrong: [String] = []
        for file in SourceTree.sources where !file.isIn(Array(rule.except.keys)) {
            for (number, line) in file.code.enumerated() where line.contains(pattern) {
                wrong.append("\(file.path):\(number + 1): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        #expect(wrong.isEmpty, "\(rule.why):\n\(wrong.joined(separator: "\n"))")
    }

    @Test(arguments: rules)
    func everyExceptionIsUsed(_ rule: Rule) throws {
        let pattern = try Regex(rule.pattern)
        for place in rule.except.keys {
            let used = SourceTree.sources.contains { file in
                file.path.hasPrefix(place) && file.code.contains { $0.contains(pattern) }
            }
            #expect(used, "\(place) no longer needs its exception from \(rule.pattern)")
        }
    }

    /// In comments too, and in every kind of file.
    @Test func noUnfinishedMarksAndNoMachinePaths() throws {
        // Built from pieces, so that this file does not contain them.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].joined(separator: "|")
        let paths = ["/wo" + "rk/", "/ro" + "ot/", "/tmp/bash" + "_jobs"].joined(separator: "|")
        let pattern = try Regex(#"\b(?:\#(marks))\b|(?:^|[^\w.$}/])(?:\#(paths))"#)
        // Vendor data with product names of its own.
        let exempt = [".csv", ".json", ".pb.swift", "Package.resolved"]
        var wrong: [String] = []
        for (path, text) in try SourceTree.trackedTexts() where !exempt.contains(where: path.hasSuffix) {
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where line.contains(pattern) {
                wrong.append("\(path):\(number + 1): \(line.prefix(120))")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// American spelling, in names above all.
    @Test func oneSpellingOfLicense() throws {
        let pattern = try Regex("[Ll]icen" + "ce")
        var wrong: [String] = []
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where line.contains(pattern) {
                wrong.append("\(file.path):\(number + 1): \(line.prefix(120))")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }
}
