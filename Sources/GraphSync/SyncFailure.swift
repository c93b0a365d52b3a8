import DurableFiles
import Glibc

/// Why nothing can be done at all: a configuration, a file, a list of customers. One line, without a secret.
public struct SyncFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// What the system refused about a file of the synchronization.
enum FileRefusal: FileFailure {
    case system(operation: String, code: Int32)
    case inUse

    var reason: String {
        switch self {
        case .system(let operation, let code): "\(operation): \(String(cString: strerror(code)))"
        case .inUse: "in use"
        }
    }
}

/// Why a source of one customer was not read. Nothing of that source is sent.
public struct SourceFailure: Error, Sendable, Equatable {
    /// What kind of thing went wrong: a label of the metrics and of the log.
    public enum Reason: String, Sendable, CaseIterable {
        case noConsent = "no_consent"
        case credential
        case throttled
        case serverError = "server_error"
        case connection
        case untrusted
        case limit
        case paging
        case redirect
        case malformed
        case refused
        case catalog
        case ingest
        case stopped
    }

    public let reason: Reason
    /// For people: the code of the API where it has one, and what to do.
    public let message: String

    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}
