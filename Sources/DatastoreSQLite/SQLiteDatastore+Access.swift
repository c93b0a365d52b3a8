import Datastore
import GRDB
import Tenancy

extension SQLiteDatastore {
    public func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try read(Self.loadAccess)
    }

    /// Everybody, compared with what was written.
    static func loadAccess(_ db: Database) throws -> AccessRegistry {
        var partnerSum = TableSum()
        let partners = try Row.fetchAll(db, sql: selectPartners + " ORDER BY id").map { row in
            try partner(of: row, &partnerSum)
        }
        try partnerSum.check(.partner, db)
        var principalSum = TableSum()
        let principals = try Row.fetchAll(db, sql: selectPrincipals + " ORDER BY partner, id").map { row in
            try principal(of: row, &principalSum)
        }
        try principalSum.check(.principal, db)
        return AccessRegistry(partners: partners, principals: principals)
    }

    private static func check(
        _ checksum: Int64, of stored: DatabaseValue, _ what: String, _ sum: inout TableSum
    ) throws {
        guard Int64.fromDatabaseValue(stored) == checksum else {
            throw DatastoreError.corrupt("\(what) is not what was written")
        }
        sum.add(checksum)
    }

    private static let selectPartners = "SELECT id, name, disabled, checksum FROM partner"

    private static func partner(of row: Row, _ sum: inout TableSum) throws -> PartnerRecord {
        guard let text = String.fromDatabaseValue(row[0]), let id = try? PartnerID(stored: text),
            let disabled = Bool.fromDatabaseValue(row[2])
        else { throw DatastoreError.corrupt("a partner is incomplete") }
        let record = PartnerRecord(id: id, name: String.fromDatabaseValue(row[1]), isDisabled: disabled)
        try check(record.checksum, of: row[3], "a partner", &sum)
        return record
    }

    private static let selectPrincipals = "SELECT partner, id, display_name, roles, disabled, checksum FROM principal"

    private static func principal(of row: Row, _ sum: inout TableSum) throws -> PrincipalRecord {
        guard let partnerText = String.fromDatabaseValue(row[0]), let partner = try? PartnerID(stored: partnerText),
            let text = String.fromDatabaseValue(row[1]), let id = try? PrincipalID(stored: text),
            let displayName = String.fromDatabaseValue(row[2]), let roles = UInt8.fromDatabaseValue(row[3]),
            let disabled = Bool.fromDatabaseValue(row[4])
        else { throw DatastoreError.corrupt("a principal is incomplete") }
        let record = PrincipalRecord(
            partner: partner, id: id, displayName: displayName, roles: RoleSet(rawValue: roles), isDisabled: disabled)
        try check(record.checksum, of: row[5], "a principal", &sum)
        return record
    }

    static func apply(_ change: AccessChange, _ db: Database, _ sums: inout SumChanges) throws {
        switch change {
        case .createPartner(let partner, let first):
            try insert(partner, db, &sums)
            try insert(first, db, &sums)
        case .updatePartner(let id, let disabled):
            try update(id, disabled: disabled, db, &sums)
        case .createPrincipal(let principal):
            let sql = "SELECT count(*) FROM partner WHERE id = ?"
            guard try Int.fetchOne(db, sql: sql, arguments: [principal.partner.text]) == 1 else {
                throw DatastoreError.notFound
            }
            try insert(principal, db, &sums)
        case .updatePrincipal(let principal):
            try removeChecksum(of: principal.partner, principal.id, db, &sums)
            try db.execute(
                sql: """
                    UPDATE principal SET display_name = ?, roles = ?, disabled = ?, checksum = ?
                    WHERE partner = ? AND id = ?
                    """,
                arguments: [
                    principal.displayName, Int64(principal.roles.rawValue), principal.isDisabled, principal.checksum,
                    principal.partner.text, principal.id.text,
                ])
            sums.add(principal.checksum, to: .principal)
        case .deletePrincipal(let partner, let id):
            try removeChecksum(of: partner, id, db, &sums)
            try db.execute(
                sql: "DELETE FROM principal WHERE partner = ? AND id = ?", arguments: [partner.text, id.text])
        }
    }

    private static func update(
        _ id: PartnerID, disabled: Bool, _ db: Database, _ sums: inout SumChanges
    ) throws {
        var sum = TableSum()
        guard let row = try Row.fetchOne(db, sql: selectPartners + " WHERE id = ?", arguments: [id.text]) else {
            throw DatastoreError.notFound
        }
        let before = try partner(of: row, &sum)
        let after = PartnerRecord(id: id, name: before.name, isDisabled: disabled)
        try db.execute(
            sql: "UPDATE partner SET disabled = ?, checksum = ? WHERE id = ?",
            arguments: [disabled, after.checksum, id.text])
        sums.remove(before.checksum, from: .partner)
        sums.add(after.checksum, to: .partner)
    }

    /// Takes a principal that is about to change out of the sum; says `notFound` where there is none.
    private static func removeChecksum(
        of partner: PartnerID, _ id: PrincipalID, _ db: Database, _ sums: inout SumChanges
    ) throws {
        let sql = "SELECT checksum FROM principal WHERE partner = ? AND id = ?"
        guard let checksum = try Int64.fetchOne(db, sql: sql, arguments: [partner.text, id.text]) else {
            throw DatastoreError.notFound
        }
        sums.remove(checksum, from: .principal)
    }

    static func insert(_ access: AccessRegistry, _ db: Database, _ sums: inout SumChanges) throws {
        for partner in access.partners { try insert(partner, db, &sums) }
        for principal in access.principals { try insert(principal, db, &sums) }
    }

    private static func insert(_ partner: PartnerRecord, _ db: Database, _ sums: inout SumChanges) throws {
        try insert(db) {
            try db.execute(
                sql: "INSERT INTO partner (id, name, disabled, checksum) VALUES (?, ?, ?, ?)",
                arguments: [partner.id.text, partner.name, partner.isDisabled, partner.checksum])
        }
        sums.add(partner.checksum, to: .partner)
    }

    private static func insert(_ principal: PrincipalRecord, _ db: Database, _ sums: inout SumChanges) throws {
        try insert(db) {
            try db.execute(
                sql: """
                    INSERT INTO principal (partner, id, display_name, roles, disabled, checksum)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    principal.partner.text, principal.id.text, principal.displayName, Int64(principal.roles.rawValue),
                    principal.isDisabled, principal.checksum,
                ])
        }
        sums.add(principal.checksum, to: .principal)
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
