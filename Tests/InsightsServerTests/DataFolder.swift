import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
@_spi(Authentication) import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsCore
@testable import InsightsServer
@testable import LogLines

/// A data folder as a server has it: store, audit chain, head and keys. Removed with the value.
final class DataFolder {
    let path: String

    init() throws {
        // In memory where there is such a folder: bytes are what counts here, not that they are durable.
        let parent = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        path = parent + "/data-folder-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var store: String { path + "/insights.sqlite" }
    func file(_ name: String) -> URL { URL(fileURLWithPath: path + "/" + name) }

    func open(accepting: Bool = false) throws -> RunningState {
        let store = try SQLiteDatastore.open(path: store)
        do {
            return try RunningState(
                OpenedState(
                    store, folder: path, acceptsOlderStore: accepting
                ) { Timestamp(milliseconds: 1_700_000_000_000) })
        } catch {
            try? store.close()
            throw error
        }
    }

    /// Every file as a killed process leaves it, but for SQLite's index of the log, which is made anew.
    func files() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path)
        where !name.hasSuffix(".lock") && !name.hasSuffix("-shm") {
            files[name] = try Data(contentsOf: file(name))
        }
        return files
    }

    func replace(with files: [String: Data]) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.removeItem(at: file(name))
        }
        for (name, bytes) in files {
            try bytes.write(to: file(name))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file(name).path)
        }
    }

    func auditLines() throws -> [String] {
        String(decoding: try Data(contentsOf: file("audit.jsonl")), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }
}

/// An opened folder, and changes as the server makes them: durable first, then in the core.
struct RunningState {
    let opened: OpenedState
    var core: InsightsCore

    init(_ opened: OpenedState) {
        self.opened = opened
        core = opened.recovered.core
    }

    var store: SealedStore { opened.store }

    func close() throws {
        try opened.auditLog.close()
        try store.close()
    }

    /// A batch of that name, on record as a stream's end is.
    mutating func accept(_ id: String, _ facts: [Fact]) throws {
        let batch = try BatchID(id)
        let body = FactBatchCodec.encode(facts)
        let digest = try SampleBatches.digest(Int64(id.utf8.reduce(0) { $0 &* 31 &+ Int64($1) }))
        let revision = core.revision.next
        try store.commit([
            .batch(batch, revision: revision, accepted: facts.count, digest: digest, body: body)
        ])
        core.apply(FactBatch(id: batch, facts: facts), revision: revision)
        try record()
    }

    mutating func createPartner(_ id: String) throws {
        let revision = core.revision.next
        let first = try Self.principal(id, "admin", RoleSet([.userManagementAdmin]))
        try store.save(
            .createPartner(PartnerRecord(id: try PartnerID(id), name: "Partner \(id)"), first: first),
            entry: .partnerCreated(revision: revision), for: .operator(try Grants.operator()))
        core.advance(to: revision)
        try record()
    }

    func createPrincipal(_ id: String, of partner: String, disabled: Bool = false) throws {
        try store.save(
            .createPrincipal(try Self.principal(partner, id, RoleSet([]), disabled: disabled)), entry: nil,
            for: .partner(try Grants.scope(partner)))
        try record()
    }

    mutating func fold() throws {
        let rows = core.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        try store.fold(through: core.revision, states: rows)
    }

    private func record() throws {
        try opened.auditLog.appendDurably(
            AuditEvent(
                time: Timestamp(milliseconds: 1_700_000_000_000), principal: "feeder", isOperator: true, partner: nil,
                method: "/x.Y/Z", isAllowed: true, code: 0, revision: UInt64(core.revision.number), kind: .change))
    }

    private static func principal(
        _ partner: String, _ id: String, _ roles: RoleSet, disabled: Bool = false
    ) throws -> PrincipalRecord {
        PrincipalRecord(
            partner: try PartnerID(partner), id: try PrincipalID(id), displayName: id, roles: roles,
            isDisabled: disabled)
    }

    /// Everything that answers are made of.
    func contents(batches: [String]) throws -> Contents {
        var whole = core
        whole.dirty = DirtyStates()
        whole.dirty.catalog = true
        whole.dirty.partners = true
        for place in 0..<whole.customers.count {
            let (customer, facts) = (Int32(place), whole.customers[place].value)
            whole.dirty.mark(customer: customer)
            for person in stride(from: 0, to: facts.people.persons.count, by: DirtyStates.peoplePerRow) {
                whole.dirty.mark(person: person, of: customer)
                for epoch in whole.epochs(facts, Int32(person / DirtyStates.peoplePerRow)) {
                    whole.dirty.mark(person: person, epoch: epoch, of: customer)
                }
            }
        }
        let grant = try Grants.operator()
        return Contents(
            revision: core.revision, changes: store.mark.changes,
            states: Dictionary(uniqueKeysWithValues: whole.takeDirtyStates().map { ($0.key, $0.body) }),
            access: try store.loadAccess(for: grant),
            receipts: try batches.map { try store.receipt(of: try BatchID($0), for: grant) })
    }
}

struct Contents: Equatable {
    let revision: Revision
    let changes: Int64
    let states: [String: [UInt8]]
    let access: AccessRegistry
    let receipts: [BatchReceipt?]
}
