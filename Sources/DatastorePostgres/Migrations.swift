import Datastore

/// Brings a database up to date, as the owner. In three steps: what is new is added (expand), new servers are deployed
/// beside old ones, and what only the old ones needed is removed (contract, by `finish`).
public enum PostgresMigration {
    /// What there was to do.
    public struct Report: Sendable, Hashable {
        /// The version before; nil where there was no store.
        public let before: Int?
        public let after: Int
        /// Of what servers write.
        public let format: Int
    }

    struct Step: Sendable {
        let version: Int32
        /// The version that a program must know at least to work with this one.
        let oldest: Int32
        let expand: [String]
        /// Once no server of before is left.
        let contract: [String]
    }

    static let steps = steps(onCitus: false)

    private static func steps(onCitus: Bool) -> [Step] {
        let first = onCitus ? Schema.version1OnCitus : Schema.version1
        return [Step(version: 1, oldest: 1, expand: first, contract: [])]
    }

    /// The version that this program knows.
    static var version: Int32 { steps.last?.version ?? 0 }

    /// Safe to repeat: what is done is left, and rights that were taken away are given again.
    ///
    /// - Parameters:
    ///   - finish: removes what older servers needed and raises the format, if all that serve can read it.
    ///   - onCitus: a new store has its folded state on the workers of the Citus that the database is of.
    public static func migrate(
        _ conninfo: Conninfo, finish: Bool = false, onCitus: Bool = false
    ) throws(DatastoreError) -> Report {
        try migrate(conninfo, finish: finish, steps: steps(onCitus: onCitus), format: Schema.format, onCitus: onCitus)
    }

    static func migrate(
        _ conninfo: Conninfo, finish: Bool, steps: [Step], format: Int32, onCitus: Bool = false
    ) throws(DatastoreError) -> Report {
        let connection = try Connection.open(conninfo, for: .migrating)
        return try storing { () throws(PostgresFailure) in
            try makeRoles(connection)
            let before = try begin(connection, onCitus: onCitus)
            let last = steps.last?.version ?? 0
            guard before ?? 0 <= last else { throw PostgresFailure.store(.schemaTooNew) }
            try expand(connection, steps.filter { $0.version > before ?? 0 })
            if finish { try contract(connection, steps, to: format) }
            let reached = try connection.exchange([Command(Schema.readFormat)])[0].only().integer(0)
            // Those of a schema are passed on to workers, as by whoever this is.
            let asLogin = try Distribution.hasCitus(connection) ? ["RESET ROLE"] : []
            try connection.commit((asLogin + Schema.grants).map { Command(Statement(to: "give rights", $0)) })
            return Report(before: before.map(Int.init), after: Int(last), format: Int(reached))
        }
    }

    // MARK: - Roles

    private static func makeRoles(_ connection: Connection) throws(PostgresFailure) {
        let names = Schema.Role.allCases.map(\.rawValue)
        let found = try connection.exchange([
            Command(
                Statement(to: "read roles", "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1)"),
                [.texts(names)])
        ])[0]
        var known: Set<String> = []
        for row in found { known.insert(try row.text(0)) }
        for role in Schema.Role.allCases where !known.contains(role.rawValue) {
            do throws(PostgresFailure) {
                _ = try connection.exchange([Command(Statement(to: "make the role \(role.rawValue)", role.sql))])
            } catch .refused(let refusal) where refusal.state == .duplicateObject {
                continue
            }
        }
        let isMember = try connection.exchange([
            Command(
                Statement(
                    to: "read roles", "SELECT pg_has_role('insights_server', 'insights_partner', 'MEMBER')"))
        ])[0].only().boolean(0)
        guard !isMember else { return }
        _ = try connection.exchange([
            Command(
                Statement(to: "grant insights_partner to insights_server", "GRANT insights_partner TO insights_server"))
        ])
    }

    // MARK: - Schema

    /// Any number: two migrations of one database run one after the other.
    private static let lock = "SELECT pg_advisory_xact_lock(5783412903)"

    /// Begins the one transaction of a migration, as the owner, unless it concerns what is on workers. Returns the
    /// version that is there.
    private static func begin(_ connection: Connection, onCitus: Bool) throws(PostgresFailure) -> Int32? {
        let hasCitus = try Distribution.hasCitus(connection)
        guard hasCitus || !onCitus else {
            throw .store(.invalid("the database has no Citus: make the extension and name its workers first"))
        }
        let answers = try connection.exchange([
            Command(.begin), Command(Statement(to: "wait for another migration", lock)),
            Command(Statement(to: "read schemas", "SELECT to_regnamespace('insights') IS NOT NULL")),
        ])
        if try !answers[2].only().boolean(0) {
            let sql = "CREATE SCHEMA insights AUTHORIZATION insights_owner"
            _ = try connection.exchange([Command(Statement(to: "make the schema insights", sql))])
        }
        let table = """
            CREATE TABLE IF NOT EXISTS insights.migration (
                version int PRIMARY KEY,
                oldest int NOT NULL,
                contracted boolean NOT NULL DEFAULT false,
                at timestamptz NOT NULL DEFAULT now()
            )
            """
        // Citus comes to its workers as whoever this is, and the owner has no login.
        let isDistributed = try Distribution.isThere(connection)
        if !isDistributed {
            _ = try connection.exchange([
                Command(Statement(to: "become insights_owner", "SET LOCAL ROLE insights_owner"))
            ])
        }
        let version = try connection.exchange([
            Command(Statement(to: "make tables in the schema insights", table)),
            Command(Schema.readVersion),
        ])[1].only().optionalInteger(0)
        guard !onCitus || version == nil || isDistributed else {
            throw .store(.invalid("the store is not on Citus: copy it into a new one by copy-store"))
        }
        return version
    }

    private static func expand(_ connection: Connection, _ steps: [Step]) throws(PostgresFailure) {
        for step in steps {
            let record = """
                INSERT INTO insights.migration (version, oldest) VALUES (\(step.version), \(step.oldest))
                """
            _ = try connection.exchange(
                (step.expand + [record]).map { Command(Statement(to: "change the schema", $0)) }, within: longest)
        }
    }

    /// For changes that rewrite tables.
    private static let longest = Duration.seconds(3_600)

    private static func contract(
        _ connection: Connection, _ steps: [Step], to format: Int32
    ) throws(PostgresFailure) {
        let sql = """
            SELECT name FROM insights.server
            WHERE format_max < \(format) AND seen > now() - interval '\(Schema.deadAfterSeconds) seconds' LIMIT 1
            """
        if let behind = try connection.exchange([Command(Statement(to: "read servers", sql))])[0].first {
            let name = try behind.text(0)
            throw PostgresFailure.store(.invalid("server \(name) is too old for what is to be finished"))
        }
        let contracted = try connection.exchange([
            Command(Statement(to: "read versions", "SELECT version FROM insights.migration WHERE NOT contracted"))
        ])[0]
        for row in contracted {
            let version = try row.integer(0)
            let statements = steps.first { $0.version == version }?.contract ?? []
            let record = "UPDATE insights.migration SET contracted = true WHERE version = \(version)"
            _ = try connection.exchange(
                (statements + [record]).map { Command(Statement(to: "change the schema", $0)) }, within: longest)
        }
        let raise = "UPDATE insights.store SET format = \(format) WHERE format < \(format)"
        _ = try connection.exchange([Command(Statement(to: "raise the format", raise))])
    }
}

extension Schema {
    /// A server that was not seen for so long serves nobody.
    static let deadAfterSeconds = 60

    static let readVersion = Statement(
        "schema version", to: "read the version of the schema",
        "SELECT max(version), max(oldest) FROM insights.migration")

    static let readFormat = Statement("format", to: "read the store", "SELECT format FROM insights.store")

    /// Throws unless this program works with the schema.
    static func check(_ row: Row) throws(PostgresFailure) -> DatastoreError? {
        guard let version = try row.optionalInteger(0), let oldest = try row.optionalInteger(1) else { return .missing }
        if oldest > PostgresMigration.version { return .schemaTooNew }
        if version < PostgresMigration.version {
            return .invalid("an older version of this program made the schema: run migrate first")
        }
        return nil
    }
}

extension Statement {
    static let begin = Statement("begin", to: "begin a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED")
    static let rollback = Statement("rollback", to: "roll back", "ROLLBACK")
}
