import DurableFiles
import Foundation
import Glibc
import LicenseModel

/// What was sent last, customer by customer, in a folder of small files. Without it the same things are asked and sent
/// once more; no figure hangs on it.
public final class SyncState: Sendable {
    /// What is kept of one customer.
    struct Customer: Codable, Equatable, Sendable {
        struct Sent: Codable, Equatable, Sendable {
            var day: String
            /// Of the rows, in whatever order they came.
            var digest: String
        }

        var customer: String
        /// By source.
        var sent: [String: Sent] = [:]
        /// The start of the relationship, where it was a synchronization that told it.
        var relationshipStart: String?
        /// Seconds since 1970 of the last run in which no source failed.
        var lastSuccess: Int64?

        init(_ customer: String) { self.customer = customer }
    }

    private let folder: String
    /// Answers of the run, which end with it.
    let answerFolder: String
    /// Held as long as this lives: two runs with one folder would take each other's word. Nil for a run that sends
    /// nothing.
    private let lock: DurableFile<FileRefusal>?

    /// - Parameter isReadOnly: for a run that sends nothing, which may stand beside another one.
    public init(folder: String, isReadOnly: Bool = false) throws(SyncFailure) {
        self.folder = folder
        guard !isReadOnly else {
            lock = nil
            // A name that nobody knows before.
            var template = Array("\(NSTemporaryDirectory())/insights-sync-XXXXXX".utf8CString)
            guard let made = mkdtemp(&template) else {
                throw SyncFailure(
                    "no folder can be made in “\(NSTemporaryDirectory())”: \(String(cString: strerror(errno)))")
            }
            answerFolder = String(cString: made)
            return
        }
        answerFolder = folder + "/answers"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw SyncFailure("the state folder “\(folder)” cannot be made: \(String(cString: strerror(errno)))")
        }
        do throws(FileRefusal) {
            let file = try DurableFile<FileRefusal>.openOrCreate(folder + "/lock")
            try file.lockExclusively()
            lock = file
        } catch {
            if case .inUse = error { throw SyncFailure("another synchronization uses the state folder “\(folder)”") }
            throw SyncFailure("the state folder “\(folder)”: \(error.reason)")
        }
        // Of a run that was killed.
        removeAnswers()
    }

    deinit { removeAnswers() }

    /// They name people, and end with the run.
    func removeAnswers() { try? FileManager.default.removeItem(atPath: answerFolder) }

    private func path(_ customer: String) -> String { "\(folder)/\(FileName.of(customer)).json" }

    /// What cannot be read is nothing: it costs requests.
    func load(_ customer: String) -> Customer {
        guard let data = FileManager.default.contents(atPath: path(customer)), data.count <= 1 << 20,
            let state = try? JSONDecoder().decode(Customer.self, from: data), state.customer == customer
        else { return Customer(customer) }
        return state
    }

    func save(_ state: Customer) throws(SyncFailure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let data = try? encoder.encode(state) else { return }
        do throws(FileRefusal) {
            try DurableFile<FileRefusal>.replace(path(state.customer), with: [UInt8](data))
        } catch {
            throw SyncFailure("the state of “\(state.customer)” cannot be written to “\(folder)”")
        }
    }
}
