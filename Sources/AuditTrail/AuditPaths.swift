import Foundation

/// Where the files of a log are.
struct AuditPaths: Sendable {
    let folder: String

    var key: String { folder + "/audit.key" }
    var anchor: String { folder + "/audit.anchor" }
    /// Changes that were begun and have no record yet.
    var journal: String { folder + "/audit.pending" }
    /// Which of the oldest segments were moved away, on purpose.
    var archived: String { folder + "/audit.archived" }
    /// Held by the one process that writes.
    var lock: String { folder + "/audit.lock" }

    init(folder: String) {
        self.folder = folder
    }

    func segment(_ number: Int) -> String { folder + "/" + Self.name(ofSegment: number) }

    /// Where the unfinished record goes that a crash left at the end of a segment.
    func damaged(_ number: Int, from sequence: UInt64) -> String { "\(segment(number)).damaged-\(sequence)" }

    /// `audit.jsonl`, `audit-000002.jsonl`, `audit-000003.jsonl` and so on: the order of names is that of records.
    static func name(ofSegment number: Int) -> String {
        guard number > 1 else { return "audit.jsonl" }
        let digits = String(number)
        return "audit-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".jsonl"
    }

    /// Numbers of the segments that are there, ascending; none when the folder is not.
    func segments() throws(AuditError) -> [Int] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw .system(operation: "list the data folder", code: EACCES)
        }
        return names.compactMap { name in
            if name == Self.name(ofSegment: 1) { return 1 }
            guard name.hasPrefix("audit-"), let number = Int(name.dropFirst(6).prefix { $0 != "." }) else { return nil }
            return name == Self.name(ofSegment: number) ? number : nil
        }.sorted()
    }
}
