import Datastore
import DatastorePostgres
import DatastoreSQLite
import Foundation

/// Where a store is, by the setting `--store` or an argument: which engine, and what it needs to find it.
enum StorePlace: CustomStringConvertible {
    /// The file of the embedded engine.
    case file(String)
    case postgres(Conninfo)

    init(_ text: String) throws(SettingsError) {
        let prefix = "sqlite:"
        if Conninfo.isMeant(by: text) {
            do throws(DatastoreError) {
                self = .postgres(try Conninfo(text))
            } catch {
                throw SettingsError(description: "--store: \(error)")
            }
        } else if text.hasPrefix(prefix), text.utf8.count > prefix.utf8.count {
            self = .file(String(text.dropFirst(prefix.count)))
        } else {
            throw SettingsError(
                description: "--store: a store is sqlite:PATH, postgres://HOST/DATABASE or service=NAME")
        }
    }

    /// Without anything secret.
    var description: String {
        switch self {
        case .file(let path): "sqlite:\(path)"
        case .postgres(let conninfo): "\(conninfo)"
        }
    }

    /// Of the embedded engine: whose disk must have room.
    var folder: String? {
        guard case .file(let path) = self else { return nil }
        return (path as NSString).deletingLastPathComponent
    }

    /// Lets `body` read the store, which a server may be using.
    func inspect<Result>(_ body: (any CopiedStore) throws -> Result) throws -> Result {
        switch self {
        case .file(let path): try SQLiteDatastore.inspect(storeAt: path, body)
        case .postgres(let conninfo): try PostgresDatastore.inspect(conninfo, body)
        }
    }

    /// Lets `body` fill a new store.
    func fill(_ body: (any FilledStore) throws -> Void) throws {
        switch self {
        case .file(let path): try SQLiteDatastore.fill(newStoreAt: path, body)
        case .postgres(let conninfo): try PostgresDatastore.fill(conninfo, body)
        }
    }

    /// Opens the store to serve from it.
    ///
    /// - Parameter makesNew: whether an embedded one is made where there is none.
    func open(makesNew: Bool, name: String, requiresStandby: Bool = false) throws(DatastoreError) -> OpenedStore {
        switch self {
        case .file(let path): return OpenedStore(store: try SQLiteDatastore.open(path: path, makesNew: makesNew))
        case .postgres(let conninfo):
            var options = PostgresDatastore.Options(name: name, version: "unreleased")
            options.requiresStandby = requiresStandby
            let store = try PostgresDatastore.open(conninfo, options)
            return OpenedStore(store: store, remarks: store.remarks)
        }
    }
}

/// A store that is served from.
struct OpenedStore {
    let store: any LicenseDatastore
    /// What an operator should know of where it is.
    var remarks: [String] = []
}
