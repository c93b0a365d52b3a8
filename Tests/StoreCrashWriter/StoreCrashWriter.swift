import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Tenancy

/// Writes numbered batches to a store until it is killed or a change fails; test-only.
///
/// `StoreCrashWriter PATH` goes on after the last revision and writes `ack N` after each commit returned.
/// `StoreCrashWriter PATH hold` opens the store, writes `open` and waits for the end of standard input.
/// `StoreCrashWriter PATH limit BYTES` lets no file grow beyond BYTES, writes `failed …` when a commit fails, lifts the
/// limit, and writes what the next commit and a newly opened store do.
@main
enum StoreCrashWriter {
    static func main() {
        do {
            let arguments = CommandLine.arguments
            guard arguments.count >= 2 else { throw ConformanceFailure("a path is needed") }
            let store = try SQLiteDatastore.open(path: arguments[1])
            switch arguments.count > 2 ? arguments[2] : "" {
            case "hold":
                say("open")
                _ = FileHandle.standardInput.readDataToEndOfFile()
                try store.close()
            case "limit": try writeUntilFull(store, path: arguments[1], limit: arguments.count > 3 ? arguments[3] : "")
            default: try writeForever(store)
            }
        } catch {
            say("error \(error)")
            exit(3)
        }
    }

    static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private static func writeForever(_ store: SQLiteDatastore) throws {
        var number = store.revision.number
        say("ack \(number)")
        while true {
            let group = 1 + number % 3
            try store.commit(try SampleBatches.entries((number + 1)...(number + group)))
            number += group
            say("ack \(number)")
            if number % 7 == 0 {
                // Later than the last commit at times, so that a crash can fall between any two steps.
                let through = number - number % 2
                let states = [StateRow(key: "through", body: Array(String(through).utf8))]
                if through >= (try store.statistics().foldedThrough.number) {
                    try store.fold(through: Revision(number: through), states: states)
                }
            }
        }
    }

    private static func writeUntilFull(_ store: SQLiteDatastore, path: String, limit: String) throws {
        guard let bytes = rlim_t(limit) else { throw ConformanceFailure("a limit is needed") }
        signal(SIGXFSZ, SIG_IGN)
        var limits = rlimit(rlim_cur: bytes, rlim_max: rlim_t.max)
        setrlimit(__rlimit_resource_t(1), &limits)
        var number = store.revision.number
        do {
            while true {
                try store.commit([try SampleBatches.entry(number + 1, facts: 50)])
                number += 1
                say("ack \(number)")
            }
        } catch {
            say("failed \(error)")
        }
        limits = rlimit(rlim_cur: rlim_t.max, rlim_max: rlim_t.max)
        setrlimit(__rlimit_resource_t(1), &limits)
        do {
            try store.commit([try SampleBatches.entry(number + 1)])
            say("accepted \(number + 1)")
        } catch {
            say("refused \(error)")
        }
        do { try store.health() } catch { say("health \(error)") }
        try store.close()
        let reopened = try SQLiteDatastore.open(path: path)
        say("reopened \(reopened.revision)")
        try reopened.commit([try SampleBatches.entry(reopened.revision.number + 1)])
        say("ack \(reopened.revision)")
        try reopened.close()
    }
}
