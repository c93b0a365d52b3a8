import Datastore
import LicenseModel

/// Who serves.
extension PostgresDatastore {
    /// Of the table of servers, for the small changes that nobody has to be able to rely on: they do not wait for a
    /// standby.
    private static let loosely = Statement(
        "loosely", to: "tell that it lives", "SET LOCAL synchronous_commit = off")

    /// Microseconds. With it a row is a server's own: another may have its number since.
    private static let startedAt = "(extract(epoch FROM started) * 1000000)::bigint"

    private static let lockServers = Statement(
        "lock servers", to: "take its turn of writing", "SELECT FROM insights.store FOR UPDATE")

    private static let register = Statement(
        "register", to: "register a server",
        """
        INSERT INTO insights.server (id, name, version, format_max, applied_revision, applied_generation)
        SELECT min(free), $1, $2, \(Schema.format), $3, $4
        FROM generate_series(1, (SELECT coalesce(max(id), 0) + 1 FROM insights.server)) AS free
        WHERE NOT EXISTS (SELECT FROM insights.server WHERE id = free)
        RETURNING id, \(startedAt)
        """)

    /// Servers that did not leave, and whose number another one may have soon: long after they answer nothing more.
    private static let removeDead = Statement(
        "remove servers", to: "register a server",
        "DELETE FROM insights.server WHERE seen < now() - interval '1 hour'")

    private static let tell = Statement(
        "beat", to: "tell that it lives",
        """
        UPDATE insights.server SET seen = now(), applied_revision = $2, applied_generation = $3
        WHERE id = $1 AND \(startedAt) = $4
        """)

    private static let remove = Statement(
        "leave", to: "leave", "DELETE FROM insights.server WHERE id = $1 AND \(startedAt) = $2")

    private static let list = Statement(
        "members", to: "read servers",
        """
        SELECT id, name, (extract(epoch FROM now() - seen) * 1000)::bigint, applied_revision, applied_generation,
            \(startedAt)
        FROM insights.server ORDER BY id
        """)

    public func beat(applied: LogPosition) throws(DatastoreError) {
        try requireOpen()
        let (revision, generation) = (Parameter.bigint(applied.revision.number), Parameter.bigint(applied.generation))
        state.withLock { $0.hasBeaten = true }
        try reading.use { connection throws(PostgresFailure) in
            if let known = state.withLock({ $0.member }) {
                let answers = try connection.exchange([
                    Command(.begin), Command(Self.loosely),
                    Command(Self.tell, [.bigint(Int64(known.id)), revision, generation, .bigint(known.started)]),
                    Command(.commit),
                ])
                if answers[2].changed == 1 { return }
                // Taken for dead and removed.
            }
            // It left meanwhile.
            guard !state.withLock({ $0.closed }) else { throw .store(.closed) }
            let names: [Parameter] = [.text(options.name), .text(options.version)]
            let answers = try connection.exchange([
                Command(.begin), Command(Self.lockServers), Command(Self.removeDead),
                Command(Self.register, names + [revision, generation]),
            ])
            let row = try answers[3].only()
            let made = State.Member(id: try row.integer(0), started: try row.bigint(1))
            // Before it is known whether it is there: it is looked for then, and whoever leaves takes it along.
            state.withLock { $0.member = made }
            try connection.commit([])
        }
    }

    public func members() throws(DatastoreError) -> [StoreMember] {
        let own = state.withLock { $0.member }
        return try read { connection throws(PostgresFailure) in
            var members: [StoreMember] = []
            for row in try connection.exchange([Command(Self.list)])[0] {
                let id = try row.integer(0)
                let isSelf = State.Member(id: id, started: try row.bigint(5)) == own
                let applied = LogPosition(
                    revision: Revision(number: try row.bigint(3)), generation: try row.bigint(4))
                members.append(
                    StoreMember(
                        id: id, name: try row.text(1), silence: .milliseconds(max(0, try row.bigint(2))),
                        applied: applied, isSelf: isSelf))
            }
            return members
        }
    }

    func leave() throws(DatastoreError) {
        // Nobody waits for who never said that it is there.
        guard state.withLock({ $0.hasBeaten }) else { return }
        try reading.use { connection throws(PostgresFailure) in
            guard let member = state.withLock({ $0.member }) else { return }
            _ = try connection.exchange([
                Command(.begin), Command(Self.loosely),
                Command(Self.remove, [.bigint(Int64(member.id)), .bigint(member.started)]), Command(.commit),
            ])
        }
    }

    // MARK: - Keys

    private static let leaveKeys = Statement(
        "leave keys", to: "compare the keys of servers",
        "UPDATE insights.store SET keys_check = $1 WHERE keys_check IS NULL")

    private static let readKeys = Statement(
        "keys", to: "compare the keys of servers", "SELECT keys_check FROM insights.store")

    public func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8] {
        try requireOpen()
        return try writing.use { connection throws(PostgresFailure) in
            _ = try connection.exchange([Command(.begin), Command(Self.leaveKeys, [.bytes(own)])])
            try Self.commit([], connection)
            return try connection.exchange([Command(Self.readKeys)])[0].only().bytes(0)
        }
    }
}
