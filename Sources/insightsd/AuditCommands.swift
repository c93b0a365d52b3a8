import ArgumentParser
import AuditTrail
import DatastorePostgres
import InsightsServer

struct VerifyAuditCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-audit",
        abstract: "Check the audit chain; names the first altered, missing or reordered record.",
        discussion: """
            Walks all segments, also while a server writes them. Exit code 0 when every record is as it was written,
            else 1 with one line: file, byte, record and what is wrong with it. Segments moved away by archive-audit
            are passed over unless their folder is named by --archive.

            Of a store in PostgreSQL walks the chains of all servers, and compares what each tells of the others. A
            member of insights_auditor may; the key is audit.key in the folder of --keys.
            """)

    @Option(
        name: .customLong("archive"), parsing: .singleValue,
        help: ArgumentHelp("Folder with segments that archive-audit moved away; may be repeated.", valueName: "folder"))
    var archives: [String] = []

    @OptionGroup var options: DataOptions

    func work() async throws {
        let settings = try await options.settings()
        if case .postgres(let conninfo) = settings.store { return try verify(conninfo, settings) }
        let report = try AuditLog.verify(folder: settings.data, archives: archives)
        if let problem = report.problem { throw SettingsError(description: "\(problem)") }
        var line = "\(report.intactRecords) records, all intact, in \(report.segments) segments"
        if report.archivedRecords > 0 {
            line += "; verified from record \(report.archivedRecords + 1) on, those before are archived"
        }
        if report.pendingChanges > 0 { line += "; \(report.pendingChanges) changes noted, not on record yet" }
        if report.endsWithinRecord { line += "; the last line is unfinished, as after a crash" }
        print(line)
    }

    private func verify(_ conninfo: Conninfo, _ settings: Settings) throws {
        guard archives.isEmpty else {
            throw SettingsError(description: "--archive: the chains of a store in PostgreSQL are not archived")
        }
        guard let key = try AuditKey.read(folder: settings.keys ?? settings.data) else {
            throw SettingsError(description: "--keys: there is no audit.key")
        }
        let report = try AuditLog.verify(PostgresDatastore.auditTrail(conninfo), key: key)
        if let problem = report.problem { throw SettingsError(description: "\(problem)") }
        var line = "\(report.intactRecords) records, all intact, in \(report.chains) chains"
        if report.links > 0 { line += ", which tell of each other \(report.links) times" }
        if report.pendingChanges > 0 { line += "; \(report.pendingChanges) changes noted, not on record yet" }
        print(line)
    }
}

struct ArchiveAuditCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive-audit",
        abstract: "Move the oldest segments of the audit chain to another folder.",
        discussion: """
            Verifies the chain first, and works while a server writes it. Each segment is copied durably, then
            audit.archived in the data folder states, sealed, that it was moved on purpose, then it goes. Archived
            records are no longer listed. To verify them: verify-audit --archive FOLDER.
            """)

    @Argument(help: "The folder to move them to; must exist. Keep the chains of several servers apart.")
    var folder: String

    @Option(
        help: ArgumentHelp("Segments to keep beside the one that is being written (default 8).", valueName: "count"))
    var keep = 8

    @OptionGroup var options: DataOptions

    func validate() throws {
        guard keep >= 0 else { throw ValidationError("--keep must not be below 0") }
    }

    func work() async throws {
        let settings = try await options.settings()
        if case .postgres = settings.store {
            throw SettingsError(
                description: "--store: the audit trail of a store in PostgreSQL stays there, as rows of its tables")
        }
        let moved = try AuditLog.archive(folder: settings.data, to: folder, keep: keep)
        print(moved.isEmpty ? "nothing to move" : "moved \(moved.joined(separator: ", ")) to \(folder)")
    }
}
