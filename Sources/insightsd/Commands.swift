import ArgumentParser
import Authentication
import Datastore
import DatastorePostgres
import DatastoreSQLite
import Foundation
import InsightsServer
import RPCEngine

struct MigrateCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the store's schema up to date, or make it.",
        discussion: """
            Of an embedded store serve does so by itself. Of PostgreSQL a member of the role insights_owner does, before
            the first server starts and before servers of a newer version do; again and again does no harm. Once no
            older server is left, --finish removes what only those needed.

            With --citus a new store in PostgreSQL has its folded state on the workers of a Citus; that takes a
            superuser.
            """)

    @Flag(help: "Of PostgreSQL: also remove what older servers needed, if none is left.")
    var finish = false

    @Flag(help: "Of PostgreSQL: make the store with its folded state on the workers of the database's Citus.")
    var citus = false

    @OptionGroup var options: ServeOptions

    func work() async throws {
        let settings = try Settings(try await SettingsSource(options), serving: false)
        switch settings.store {
        case .file:
            try makeDataFolder(settings.data)
            let store = try openStore(settings).store
            let revision = store.revision
            try store.close()
            print("the schema of \(settings.store) is up to date; revision \(revision)")
        case .postgres(let conninfo):
            let report = try PostgresMigration.migrate(conninfo, finish: finish, onCitus: citus)
            let before = report.before.map { $0 == report.after ? "was" : "was version \($0), now" } ?? "was made, is"
            print("the schema of \(conninfo) \(before) version \(report.after); format \(report.format)")
        }
    }
}

struct MaintainCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain", abstract: "Rewrite parts of a store in PostgreSQL that an erasure left bytes in.",
        discussion: """
            To be run once a day by a member of the role insights_owner, also while a server uses the store: PostgreSQL
            keeps old versions of rows in its files, where no statement shows them. Nothing to do where nobody was
            erased. Of an embedded store the server does so by itself.
            """)

    @OptionGroup var options: DataOptions

    func work() async throws {
        guard case .postgres(let conninfo) = try await options.settings().store else {
            throw SettingsError(description: "--store: only a store in PostgreSQL is maintained by a command")
        }
        let report = try PostgresMaintenance.run(conninfo)
        print(report.rewritten == 0 ? "nothing to do" : "rewrote \(report.rewritten) parts of the state")
    }
}

struct VerifyStoreCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-store",
        abstract: "Check the store: pages, indexes, every row, and that nothing acknowledged is missing.",
        discussion: """
            Reads everything back as a starting server does, also while a server uses the store. Exit code 0, or 1 with
            one line that names what is wrong. Pages and indexes of PostgreSQL are its own to check.
            """)

    @OptionGroup var options: DataOptions

    func work() async throws {
        let settings = try await options.settings()
        // Before the store: a server that changes it meanwhile can only bring it ahead.
        let history = try settings.history()
        if case .file(let path) = settings.store, !FileManager.default.fileExists(atPath: path) {
            throw history.fault(of: nil) ?? DatastoreError.missing
        }
        let report = try settings.store.inspect { store in try StoreReport.verifying(store, against: history) }
        print(
            "revision \(report.mark.revision), \(report.mark.changes) changes, all intact: "
                + "\(report.partners) partners, \(report.principals) principals, "
                + "\(report.stateRows) rows of folded state, \(report.replayed) entries of the log after it")
    }
}

struct CheckConfigCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Print the settings in force, secrets hidden, and check the files they name.")

    @OptionGroup var options: ServeOptions

    func work() async throws {
        let settings = try Settings(try await SettingsSource(options))
        let carried = DescriptorLimit.raised(loops: settings.loops)
        let wanted = min(
            settings.numbers[.maxConnections], settings.numbers.engine.connectionsWithinMemory)
        let rows = settings.table + [("connections-in-force", carried.text(wanted: wanted))]
        let width = rows.map(\.name.count).max() ?? 0
        for (name, value) in rows {
            print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value)
        }
        try settings.checkFiles()
        let issuers = try loadTokenIssuers(settings)
        try TokenVerifier.check(issuers)
        for remark in try settings.clientCA.map(TLSConfiguration.remarks(onClientCA:)) ?? [] {
            print("note: \(remark)")
        }
    }
}

struct PrintPolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print-policy", abstract: "Print which role may call which method.")

    func run() {
        print(PolicyTable.text())
    }
}

struct BackupCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write a consistent copy of the store, also while a server uses it.",
        discussion: """
            The copy is a file of the embedded engine, also of a store in PostgreSQL: of that everything is read back,
            folded, and compared with what was written; copy-store brings it back. A copy made before a person was
            erased still has that person's data.
            """)

    @Argument(help: "The file to write; must not exist yet.")
    var path: String

    @OptionGroup var options: DataOptions

    func work() async throws {
        let source = try await options.settings().store
        switch source {
        case .file(let stored): try SQLiteDatastore.copy(storeAt: stored, to: path)
        case .postgres: _ = try copyStore(source, to: .file(path), against: nil)
        }
        print("copied \(source) to \(path)")
    }
}

struct CopyStoreCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy-store", abstract: "Copy a store into a new one, also of the other engine.",
        discussion: """
            For moving: no server may use the store, and the copy goes on where it ended, with the same data folder. The
            new one is a file that does not exist yet, or a database in which migrate made an empty store. Everything is
            read back, folded, written, and compared with what was written: receipts, rows, who may call.

            Example:
              insightsd copy-store sqlite:/var/lib/insights/insights.sqlite service=insights --data /var/lib/insights
            """)

    @Argument(help: "The store: sqlite:PATH, postgres://… or service=….")
    var from: String

    @Argument(help: "The new one, named likewise.")
    var to: String

    @OptionGroup var options: DataOptions

    func work() async throws {
        let settings = try await options.settings()
        let (source, target) = (try StorePlace(from), try StorePlace(to))
        let history = try settings.history()
        // An embedded one is this command's alone now. One in PostgreSQL tells who is on it.
        let held = try source.open(makesNew: false, name: "copy-store")
        try requireUnused(held.store)
        let copied = try copyStore(source, to: target, against: history)
        try requireUnused(held.store)
        try held.store.close()
        print(
            "copied \(source) to \(target): revision \(copied.mark.revision), \(copied.partners) partners, "
                + "\(copied.principals) principals, \(copied.stateRows) rows of folded state")
    }
}

/// Refuses a store that a server was on less than a minute ago.
private func requireUnused(_ store: any LicenseDatastore) throws {
    let isUnused = try store.members().allSatisfy { $0.isSelf || $0.silence >= .seconds(60) }
    guard isUnused else { throw DatastoreError.inUse }
}

/// Copies a store and reads the copy back.
private func copyStore(
    _ source: StorePlace, to target: StorePlace, against history: StoreHistory?
) throws -> StoreCopy {
    let copied = try source.inspect { stored in
        var copy: StoreCopy?
        try target.fill { copy = try StoreCopy(of: stored, against: history, into: $0) }
        guard let copy else { throw DatastoreError.unavailable("nothing was copied") }
        return copy
    }
    try target.inspect { try copied.verify($0) }
    return copied
}
