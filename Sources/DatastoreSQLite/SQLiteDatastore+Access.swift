import Datastore
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    public func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try read { db in
            let partners = try Row.fetchAll(db, sql: "SELECT id, name, disabled FROM partner ORDER BY id").map { row in
                guard let text = String.fromDatabaseValue(row[0]), let id = try? PartnerID(text),
                    let disabled = Bool.fromDatabaseValue(row[2])
                else { throw DatastoreError.corrupt("a partner is incomplete") }
                return PartnerRecord(id: id, name: String.fromDatabaseValue(row[1]), disabled: disabled)
            }
            let rows = try Row.fetchAll(db, sql: Self.selectPrincipals + " ORDER BY partner, id")
            return AccessRegistry(partners: partners, principals: try rows.map(Self.principal))
        }
    }

    public func principals(in scope: PartnerScope) throws(DatastoreError) -> [PrincipalRecord] {
        try read { db in
            try Row.fetchAll(
                db, sql: Self.selectPrincipals + " WHERE partner = ? ORDER BY id", arguments: [scope.partner.text]
            ).map(Self.principal)
        }
    }

    private static let selectPrincipals = "SELECT partner, id, display_name, roles, disabled FROM principal"

    private static func principal(of row: Row) throws -> PrincipalRecord {
        guard let partnerText = String.fromDatabaseValue(row[0]), let partner = try? PartnerID(partnerText),
            let text = String.fromDatabaseValue(row[1]), let id = try? PrincipalID(text),
            let displayName = String.fromDatabaseValue(row[2]), let roles = UInt8.fromDatabaseValue(row[3]),
            let disabled = Bool.fromDatabaseValue(row[4])
        else { throw DatastoreError.corrupt("a principal is incomplete") }
        return PrincipalRecord(
            partner: partner, id: id, displayName: displayName, roles: RoleSet(rawValue: roles), disabled: disabled)
    }

    public func save(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) throws(DatastoreError) {
        try save([AccessSave(change, entry: entry, for: grant)])
    }

    public func save(_ saves: [AccessSave]) throws(DatastoreError) {
        var last = revision
        for save in saves {
            try save.change.check(entry: save.entry, for: save.grant)
            guard let entry = save.entry else { continue }
            guard entry.revision == last.next else { throw .outOfOrder(expected: last.next, found: entry.revision) }
            last = entry.revision
        }
        guard !saves.isEmpty else { return }
        try self.change { db in
            for save in saves {
                try Self.apply(save.change, db)
                if let entry = save.entry { try Self.insert(entry, db) }
            }
        }
        state.withLock { $0.revision = last }
    }

    private static func apply(_ change: AccessChange, _ db: Database) throws {
        switch change {
        case .createPartner(let partner, let first):
            try insert(db) {
                try db.execute(
                    sql: "INSERT INTO partner (id, name, disabled) VALUES (?, ?, ?)",
                    arguments: [partner.id.text, partner.name, partner.disabled])
            }
            try insert(first, db)
        case .updatePartner(let partner, let disabled):
            try db.execute(
                sql: "UPDATE partner SET disabled = ? WHERE id = ?", arguments: [disabled, partner.text])
            guard db.changesCount == 1 else { throw DatastoreError.notFound }
        case .createPrincipal(let principal):
            let sql = "SELECT count(*) FROM partner WHERE id = ?"
            guard try Int.fetchOne(db, sql: sql, arguments: [principal.partner.text]) == 1 else {
                throw DatastoreError.notFound
            }
            try insert(principal, db)
        case .updatePrincipal(let principal):
            try db.execute(
                sql: "UPDATE principal SET display_name = ?, roles = ?, disabled = ? WHERE partner = ? AND id = ?",
                arguments: [
                    principal.displayName, Int64(principal.roles.rawValue), principal.disabled, principal.partner.text,
                    principal.id.text,
                ])
            guard db.changesCount == 1 else { throw DatastoreError.notFound }
        case .deletePrincipal(let partner, let id):
            try db.execute(
                sql: "DELETE FROM principal WHERE partner = ? AND id = ?", arguments: [partner.text, id.text])
            guard db.changesCount == 1 else { throw DatastoreError.notFound }
        }
    }

    private static func insert(_ principal: PrincipalRecord, _ db: Database) throws {
        try insert(db) {
            try db.execute(
                sql: "INSERT INTO principal (partner, id, display_name, roles, disabled) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    principal.partner.text, principal.id.text, principal.displayName, Int64(principal.roles.rawValue),
                    principal.disabled,
                ])
        }
    }

    /// Says `alreadyExists` where the key is taken.
    private static func insert(_ db: Database, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw DatastoreError.alreadyExists
        }
    }
}
