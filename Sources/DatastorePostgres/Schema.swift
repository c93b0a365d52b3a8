import LicenseModel

/// The tables, in the schema `insights` of the owner's role. No triggers, functions or sequences.
///
/// ```
/// store           one row; who locks it may write. Locked, never updated in a turn, so that it stays one version
/// entry           every revision ever: kind and, of a batch, its receipt; never deleted. The stamp is drawn at random,
///                 so that no other entry that comes to be of the same revision is taken for it
/// body            what the entries after the last fold say, in slots that are emptied as a whole
/// log_slot        which slot is written to
/// bucket, state   the folded state: rows by bucket, and the revision that a bucket's rows are of
/// partner, principal   who may call
/// access_change   numbers the changes of who may call, and stamps them likewise
/// server          who serves
/// audit           records of each server's chain; audit_pending changes under way
/// migration       versions of this schema
/// ```
///
/// Rows have a checksum over all their columns, and a bucket the sum of its rows, which are compared when they are read
/// back.
enum Schema {
    /// Of the bodies and rows that are written.
    static let format: Int32 = 1

    static let bodySlots = 8
    static let statePartitions = 64

    static let version1 =
        storeAndLog + [bucketTable, "INSERT INTO insights.bucket (bucket) SELECT generate_series(0, 255)"]
        + [stateTable + " PARTITION BY HASH (bucket)"] + stateParts + [withoutSamples("state", "content")]
        + accessAndServers

    /// The same with the folded state on the workers of a Citus. What is made first is the owner's, what is on workers
    /// is made by the login, as whom Citus comes to them.
    static let version1OnCitus =
        storeAndLog + [bucketTable, stateTable, "ALTER TABLE insights.state ALTER COLUMN content SET STORAGE EXTERNAL"]
        + [withoutSamples("state", "content")] + accessAndServers + ["RESET ROLE"]
        + [
            "SELECT create_distributed_table('insights.bucket', 'bucket')",
            "SELECT create_distributed_table('insights.state', 'bucket', colocate_with := 'insights.bucket')",
        ] + (0..<StateBuckets.count).map { "INSERT INTO insights.bucket (bucket) VALUES (\($0))" }

    private static let storeAndLog: [String] =
        [
            """
            CREATE TABLE insights.store (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                id uuid NOT NULL,
                format int NOT NULL,
                keys_check bytea
            )
            """,
            "INSERT INTO insights.store (id, format) VALUES (gen_random_uuid(), 1)",
            """
            CREATE TABLE insights.entry (
                revision bigint PRIMARY KEY,
                kind smallint NOT NULL,
                batch text COLLATE "C",
                accepted bigint,
                digest bytea,
                checksum bigint NOT NULL,
                stamp bigint NOT NULL,
                server int NOT NULL,
                at timestamptz NOT NULL DEFAULT clock_timestamp()
            )
            """,
            "CREATE UNIQUE INDEX entry_batch ON insights.entry (batch) WHERE batch IS NOT NULL",
            """
            CREATE TABLE insights.body (
                slot smallint NOT NULL,
                revision bigint NOT NULL,
                checksum bigint NOT NULL,
                facts bytea NOT NULL,
                PRIMARY KEY (revision, slot)
            ) PARTITION BY LIST (slot)
            """,
        ] + bodyPartitions + [
            withoutSamples("body", "facts"),
            """
            CREATE TABLE insights.log_slot (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                current smallint NOT NULL,
                since timestamptz NOT NULL DEFAULT now(),
                first_revision bigint NOT NULL
            )
            """,
            "INSERT INTO insights.log_slot (current, first_revision) VALUES (0, 1)",
        ]

    private static let bucketTable = """
        CREATE TABLE insights.bucket (
            bucket smallint PRIMARY KEY,
            folded_through bigint NOT NULL DEFAULT 0,
            rows bigint NOT NULL DEFAULT 0,
            sum bigint NOT NULL DEFAULT 0,
            erased timestamptz
        )
        """

    private static let stateTable = """
        CREATE TABLE insights.state (
            bucket smallint NOT NULL,
            key text COLLATE "C" NOT NULL,
            checksum bigint NOT NULL,
            content bytea NOT NULL,
            PRIMARY KEY (bucket, key)
        )
        """

    /// Else the planner's statistics have values of the column, and keep them when somebody is erased.
    private static func withoutSamples(_ table: String, _ column: String) -> String {
        "ALTER TABLE insights.\(table) ALTER COLUMN \(column) SET STATISTICS 0"
    }

    private static var bodyPartitions: [String] {
        (0..<bodySlots).flatMap { slot in
            [
                "CREATE TABLE insights.body_\(slot) PARTITION OF insights.body FOR VALUES IN (\(slot))",
                // Dense already: compressing them again costs time and gains nothing.
                "ALTER TABLE insights.body_\(slot) ALTER COLUMN facts SET STORAGE EXTERNAL",
            ]
        }
    }

    private static var stateParts: [String] {
        (0..<statePartitions).flatMap { part in
            [
                """
                CREATE TABLE insights.state_\(part) PARTITION OF insights.state
                FOR VALUES WITH (MODULUS \(statePartitions), REMAINDER \(part))
                """,
                "ALTER TABLE insights.state_\(part) ALTER COLUMN content SET STORAGE EXTERNAL",
            ]
        }
    }

    private static let accessAndServers = [
        """
        CREATE TABLE insights.partner (
            id text COLLATE "C" PRIMARY KEY,
            name text,
            disabled boolean NOT NULL,
            checksum bigint NOT NULL
        )
        """,
        """
        CREATE TABLE insights.principal (
            partner text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            display_name text NOT NULL,
            roles smallint NOT NULL,
            disabled boolean NOT NULL,
            checksum bigint NOT NULL,
            PRIMARY KEY (partner, id)
        )
        """,
        """
        CREATE TABLE insights.access_change (
            generation bigint PRIMARY KEY,
            partner text COLLATE "C" NOT NULL,
            stamp bigint NOT NULL,
            at timestamptz NOT NULL DEFAULT now()
        )
        """,
        """
        CREATE TABLE insights.server (
            id int PRIMARY KEY,
            name text NOT NULL,
            version text NOT NULL,
            format_max int NOT NULL,
            started timestamptz NOT NULL DEFAULT now(),
            seen timestamptz NOT NULL DEFAULT now(),
            applied_revision bigint NOT NULL DEFAULT 0,
            applied_generation bigint NOT NULL DEFAULT 0
        )
        """,
        """
        CREATE TABLE insights.audit (
            server int NOT NULL,
            sequence bigint NOT NULL,
            partner text COLLATE "C",
            at timestamptz NOT NULL,
            line text NOT NULL,
            PRIMARY KEY (server, sequence)
        )
        """,
        "CREATE INDEX audit_partner ON insights.audit (partner, at DESC, server, sequence)",
        """
        CREATE TABLE insights.audit_pending (
            server int NOT NULL,
            id text COLLATE "C" NOT NULL,
            line text NOT NULL,
            PRIMARY KEY (server, id)
        )
        """,
    ]

    // MARK: - Roles

    enum Role: String, CaseIterable {
        case owner = "insights_owner"
        case server = "insights_server"
        case reader = "insights_reader"
        case auditor = "insights_auditor"
        /// What a server becomes for a query that is for one partner.
        case partner = "insights_partner"

        /// Not inherited by a server: else giving up its own rights for the partner's would do nothing.
        var sql: String { "CREATE ROLE \(rawValue) NOLOGIN" + (self == .server ? " NOINHERIT" : "") }
    }

    /// Made anew by every migration: a right that somebody took away comes back.
    static let grants: [String] =
        [
            "REVOKE ALL ON SCHEMA insights FROM PUBLIC",
            "REVOKE ALL ON ALL TABLES IN SCHEMA insights FROM PUBLIC",
            "GRANT USAGE ON SCHEMA insights TO insights_server, insights_reader, insights_auditor, insights_partner",
            "GRANT SELECT ON ALL TABLES IN SCHEMA insights TO insights_server, insights_reader",
            "GRANT SELECT ON insights.audit, insights.audit_pending, insights.migration TO insights_auditor",
            "GRANT SELECT ON insights.principal, insights.audit TO insights_partner",
            "GRANT INSERT ON insights.entry, insights.access_change, insights.audit TO insights_server",
            // FOR UPDATE asks for a right to update; a history that begins anew has another id.
            "GRANT UPDATE (id, keys_check) ON insights.store TO insights_server",
            "GRANT INSERT, UPDATE ON insights.body, insights.partner TO insights_server",
            "GRANT UPDATE ON insights.log_slot, insights.bucket TO insights_server",
            """
            GRANT INSERT, UPDATE, DELETE ON insights.state, insights.principal, insights.server,
                insights.audit_pending TO insights_server
            """,
        ] + (0..<bodySlots).map { "GRANT TRUNCATE ON insights.body_\($0) TO insights_server" } + policies

    private static let policies = ["principal", "audit"].flatMap { table in
        [
            "ALTER TABLE insights.\(table) ENABLE ROW LEVEL SECURITY",
            "DROP POLICY IF EXISTS everything ON insights.\(table)",
            "DROP POLICY IF EXISTS one_partner ON insights.\(table)",
            // A server reads and writes what is of every partner; the wall stands where a query is for one.
            """
            CREATE POLICY everything ON insights.\(table) TO insights_server, insights_reader, insights_auditor
            USING (true) WITH CHECK (true)
            """,
            """
            CREATE POLICY one_partner ON insights.\(table) FOR SELECT TO insights_partner
            USING (partner = current_setting('insights.partner', true))
            """,
        ]
    }
}
