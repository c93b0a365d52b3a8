import Datastore

/// Which database, as whom: a URI (`postgres://…`) or words (`service=…`, `host=a,b dbname=…`) as libpq reads them.
/// What is not said comes from libpq's environment variables and service file. Has no password: that comes from the
/// password file, which is not seen in the list of processes.
public struct Conninfo: Sendable, CustomStringConvertible {
    /// By libpq's keywords.
    private let words: [String: String]

    /// Whether a setting names a store of this engine.
    public static func isMeant(by text: String) -> Bool {
        isURI(text) || keywords.contains { text.hasPrefix($0 + "=") }
    }

    private static func isURI(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// Words that a setting may begin with.
    private static let keywords = ["service", "host", "hostaddr", "port", "dbname", "user"]

    /// Words that decide what a store can rely on, and that are therefore not the caller's.
    private static let reserved = ["options", "replication", "target_session_attrs", "client_encoding"]
    private static let secrets = ["password", "sslpassword"]

    public init(_ text: String) throws(DatastoreError) {
        guard let words = Connection.parse(text) else {
            throw .invalid("the name of the store is no connection string of PostgreSQL")
        }
        for secret in Self.secrets where words[secret] != nil {
            throw .invalid("a password in the name of the store would be seen by others: use passfile or PGPASSFILE")
        }
        for word in Self.reserved where words[word] != nil {
            throw .invalid("\(word) cannot be set in the name of the store")
        }
        self.words = words
    }

    /// Where it is, for operators; nothing that could be secret.
    public var description: String {
        let shown = ["service", "host", "hostaddr", "port", "dbname", "user"]
        return (["postgres"] + shown.compactMap { word in words[word].map { "\(word)=\($0)" } }).joined(separator: " ")
    }

    /// Milliseconds until the kernel gives up on bytes that nobody confirms.
    private static let unconfirmedMilliseconds = 5_000

    /// What libpq is given to connect.
    func parameters(_ purpose: Session.Purpose) -> [String: String] {
        let defaults = [
            "fallback_application_name": "insightsd", "gssencmode": "disable", "keepalives_idle": "10",
            "keepalives_interval": "3", "keepalives_count": "3",
            "tcp_user_timeout": String(Self.unconfirmedMilliseconds),
        ]
        let forced = [
            "client_encoding": "UTF8", "target_session_attrs": purpose.writes ? "read-write" : "any",
        ]
        return defaults.merging(words) { $1 }.merging(forced) { $1 }
    }
}

/// What a connection is for, and what is set on it.
enum Session {
    enum Purpose: Sendable {
        /// Turns of writing and whatever else changes the store.
        case writing
        /// Reads by key.
        case reading
        /// Long reads of everything that a server begins with: of what is true now.
        case recovering
        /// Long reads of everything, from a standby too.
        case copying
        /// The owner's changes of the schema.
        case migrating

        var writes: Bool { [.writing, .recovering, .migrating].contains(self) }
    }

    /// What a session calls itself that holds the right to write while it fills a store.
    static let copying = "insightsd copy-store"

    /// For the answer to a COMMIT and to anything else, by the clock of this side: the server's own limits do not end
    /// the wait for a standby.
    static let answerTime = Duration.seconds(15)
    /// To connect to one host.
    static let connectTime = Duration.seconds(5)

    /// Set by one statement right after connecting, whatever the database or the role say.
    static func settings(_ purpose: Purpose) -> Command {
        var settings = [
            ("default_transaction_isolation", "read committed"), ("synchronous_commit", "on"),
            ("search_path", "pg_catalog"), ("row_security", "on"), ("lock_timeout", "5s"),
            ("client_min_messages", "warning"),
            // A machine that is gone says nothing: its transaction is to end soon. Of no effect on a socket file.
            ("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
        ]
        if purpose == .migrating {
            settings.append(("statement_timeout", "0"))
        } else {
            // Every statement goes by key. On a young table a plan that is kept would scan, and compiling takes longer
            // than running.
            settings += [("enable_seqscan", "off"), ("jit", "off"), ("max_parallel_workers_per_gather", "0")]
            let long = purpose == .copying || purpose == .recovering
            settings.append(("statement_timeout", long ? "300s" : "15s"))
            settings.append(("idle_in_transaction_session_timeout", long ? "300s" : "5s"))
        }
        let calls = settings.map { "set_config('\($0)', '\($1)', false)" }.joined(separator: ", ")
        return Command(Statement(to: "set up its connection", "SELECT \(calls)"))
    }
}
