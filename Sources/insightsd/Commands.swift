import ArgumentParser
import Authentication
import Datastore
import DatastoreSQLite
import Foundation
import InsightsServer
import RPCEngine

struct MigrateCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the store's schema up to date; serve does so by itself.")

    @OptionGroup var options: ServeOptions

    func work() async throws {
        let settings = try Settings(try await SettingsSource(options), serving: false)
        try makeDataFolder(settings.data)
        let store = try openStore(settings)
        let revision = store.revision
        try store.close()
        print("the schema of \(settings.store) is up to date; revision \(revision)")
    }
}

struct VerifyStoreCommand: MaintenanceCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-store",
        abstract: "Check the store: pages, indexes, every row, and that nothing acknowledged is missing.",
        discussion: """
            Reads everything back as a starting server does, also while a server uses the store. Exit code 0, or 1 with
            one line that names what is wrong.
            """)

    @OptionGroup var options: DataOptions

    func work() async throws {
        let settings = try await options.settings()
        // Before the store: a server that changes it meanwhile can only bring it ahead.
        let history = try StoreHistory.read(folder: settings.data)
        guard FileManager.default.fileExists(atPath: settings.store) else {
            throw history.fault(of: nil) ?? DatastoreError.missing
        }
        let report = try SQLiteDatastore.inspect(storeAt: settings.store) { store in
            try StoreReport.verifying(store, against: history)
        }
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
        try TokenVerifier.check(loadTokenIssuers(settings))
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
        discussion: "A copy made before a person was erased still has that person's data.")

    @Argument(help: "The file to write; must not exist yet.")
    var path: String

    @OptionGroup var options: DataOptions

    func work() async throws {
        let source = try await options.settings().store
        try SQLiteDatastore.copy(storeAt: source, to: path)
        print("copied \(source) to \(path)")
    }
}
