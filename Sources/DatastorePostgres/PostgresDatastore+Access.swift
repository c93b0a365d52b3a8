import Datastore
import Tenancy

/// Who may call.
extension PostgresDatastore {
    public func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try read(Self.loadAccess)
    }

    static func loadAccess(_ connection: Connection) throws(PostgresFailure) -> AccessRegistry {
        let answers = try connection.exchange([
            Command(.beginReading), Command(AccessRows.partners), Command(AccessRows.principals), Command(.commit),
        ])
        return try AccessRows.registry(answers[1], answers[2])
    }
}

/// Rows of partners and principals, and how they are changed.
enum AccessRows {
    static let partners = Statement(
        "partners", to: "read who may call", "SELECT id, name, disabled, checksum FROM insights.partner ORDER BY id")

    static let principals = Statement(
        "principals", to: "read who may call",
        """
        SELECT partner, id, display_name, roles, disabled, checksum FROM insights.principal ORDER BY partner, id
        """)

    /// Everybody in the rows, compared with what was written.
    static func registry(_ partners: Rows, _ principals: Rows) throws(PostgresFailure) -> AccessRegistry {
        var found: [PartnerRecord] = []
        for row in partners { found.append(try partner(row)) }
        var callers: [PrincipalRecord] = []
        for row in principals { callers.append(try principal(row)) }
        return AccessRegistry(partners: found, principals: callers)
    }

    static func partner(_ row: Row) throws(PostgresFailure) -> PartnerRecord {
        guard let id = try? PartnerID(stored: try row.text(0)) else {
            throw .store(.corrupt("a partner is incomplete"))
        }
        let record = PartnerRecord(id: id, name: try row.optionalText(1), isDisabled: try row.boolean(2))
        guard try row.bigint(3) == record.checksum else { throw .store(.corrupt("a partner is not what was written")) }
        return record
    }

    private static func principal(_ row: Row) throws(PostgresFailure) -> PrincipalRecord {
        guard let partner = try? PartnerID(stored: try row.text(0)), let id = try? PrincipalID(stored: try row.text(1)),
            let roles = UInt8(exactly: try row.smallint(3))
        else { throw .store(.corrupt("a principal is incomplete")) }
        let record = PrincipalRecord(
            partner: partner, id: id, displayName: try row.text(2), roles: RoleSet(rawValue: roles),
            isDisabled: try row.boolean(4))
        guard try row.bigint(5) == record.checksum else {
            throw .store(.corrupt("a principal is not what was written"))
        }
        return record
    }

    // MARK: - Changes

    private static let findPartners = Statement(
        "some partners", to: "read who may call",
        "SELECT id, name, disabled, checksum FROM insights.partner WHERE id = ANY($1)")

    private static let insertPartner = Statement(
        "insert partner", to: "change who may call",
        "INSERT INTO insights.partner (id, name, disabled, checksum) VALUES ($1, $2, $3, $4)")

    private static let updatePartner = Statement(
        "update partner", to: "change who may call",
        "UPDATE insights.partner SET disabled = $2, checksum = $3 WHERE id = $1")

    private static let insertPrincipal = Statement(
        "insert principal", to: "change who may call",
        """
        INSERT INTO insights.principal (partner, id, display_name, roles, disabled, checksum)
        SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT FROM insights.partner WHERE id = $1)
        """)

    private static let updatePrincipal = Statement(
        "update principal", to: "change who may call",
        """
        UPDATE insights.principal SET display_name = $3, roles = $4, disabled = $5, checksum = $6
        WHERE partner = $1 AND id = $2
        """)

    private static let deletePrincipal = Statement(
        "delete principal", to: "change who may call",
        "DELETE FROM insights.principal WHERE partner = $1 AND id = $2")

    private static let note = Statement(
        "note changes", to: "note changes of access",
        """
        INSERT INTO insights.access_change (generation, partner, stamp) SELECT * FROM unnest($1, $2, $3)
        """)

    /// Makes the changes in their order, within a turn and not committed. Whatever does not find or finds its row
    /// throws. Returns the stamp of the last one.
    ///
    /// - Parameter generation: the one before.
    static func write(
        _ saves: [AccessSave], after generation: Int64, _ connection: Connection
    ) throws(PostgresFailure) -> Int64 {
        var names = try names(of: saves, connection)
        var commands: [Command] = []
        for save in saves {
            switch save.change {
            case .createPartner(let partner, let first):
                names[partner.id] = .some(partner.name)
                commands.append(
                    Command(
                        insertPartner,
                        [
                            .text(partner.id.text), .optionalText(partner.name), .boolean(partner.isDisabled),
                            .bigint(partner.checksum),
                        ]))
                commands.append(Command(insertPrincipal, parameters(of: first)))
            case .updatePartner(let id, let disabled):
                guard let name = names[id] else { throw .store(.notFound) }
                let after = PartnerRecord(id: id, name: name, isDisabled: disabled)
                commands.append(
                    Command(updatePartner, [.text(id.text), .boolean(disabled), .bigint(after.checksum)]))
            case .createPrincipal(let principal): commands.append(Command(insertPrincipal, parameters(of: principal)))
            case .updatePrincipal(let principal): commands.append(Command(updatePrincipal, parameters(of: principal)))
            case .deletePrincipal(let partner, let id):
                commands.append(Command(deletePrincipal, [.text(partner.text), .text(id.text)]))
            }
        }
        let generations = saves.indices.map { generation + 1 + Int64($0) }
        let stamps = saves.map { _ in Stamps.draw() }
        let noted = Command(
            note, [.bigints(generations), .texts(saves.map(\.change.partner.text)), .bigints(stamps)])
        let answers = try connection.exchange(commands + [noted])
        for answer in answers where answer.changed == 0 { throw .store(.notFound) }
        return stamps.last ?? 0
    }

    /// The names of the partners that are changed: part of their checksums.
    private static func names(
        of saves: [AccessSave], _ connection: Connection
    ) throws(PostgresFailure) -> [PartnerID: String?] {
        let changed = saves.compactMap { save in
            if case .updatePartner(let id, _) = save.change { id.text } else { nil }
        }
        guard !changed.isEmpty else { return [:] }
        var names: [PartnerID: String?] = [:]
        for row in try connection.exchange([Command(findPartners, [.texts(changed)])])[0] {
            let partner = try partner(row)
            names[partner.id] = .some(partner.name)
        }
        return names
    }

    private static func parameters(of principal: PrincipalRecord) -> [Parameter] {
        [
            .text(principal.partner.text), .text(principal.id.text), .text(principal.displayName),
            .smallint(Int16(principal.roles.rawValue)), .boolean(principal.isDisabled), .bigint(principal.checksum),
        ]
    }
}
