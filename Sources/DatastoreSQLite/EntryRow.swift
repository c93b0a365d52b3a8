import Datastore
import Foundation
import GRDB
import LicenseModel

/// A row of the log as it is stored.
struct EntryRow {
    static let select = "SELECT revision, kind, batch, accepted, digest, checksum FROM entry"

    let revision: Int64
    let kind: Int64
    let batch: String?
    let accepted: Int64?
    let digest: [UInt8]?
    let checksum: Int64

    init(_ entry: LogEntry) {
        self.init(
            revision: entry.revision.number, kind: Int64(entry.kind.rawValue), batch: entry.receipt?.batch.text,
            accepted: (entry.receipt?.accepted).map(Int64.init), digest: entry.receipt?.digest.bytes)
    }

    private init(revision: Int64, kind: Int64, batch: String?, accepted: Int64?, digest: [UInt8]?) {
        self.revision = revision
        self.kind = kind
        self.batch = batch
        self.accepted = accepted
        self.digest = digest
        checksum = RowChecksum.entry(
            revision: revision, kind: kind, batch: batch, accepted: accepted, digest: digest)
    }

    /// The first five columns of a row; the checksum is made of them.
    init(_ row: Row) throws {
        guard let revision = Int64.fromDatabaseValue(row[0]), let kind = Int64.fromDatabaseValue(row[1]) else {
            throw DatastoreError.corrupt("an entry of the log is incomplete")
        }
        self.init(
            revision: revision, kind: kind, batch: String.fromDatabaseValue(row[2]),
            accepted: Int64.fromDatabaseValue(row[3]), digest: Data.fromDatabaseValue(row[4]).map { [UInt8]($0) })
    }

    /// The first six columns of a row; throws when they do not fit together.
    init(verifying row: Row) throws {
        try self.init(row)
        guard Int64.fromDatabaseValue(row[5]) == checksum else {
            throw DatastoreError.corrupt("entry \(revision) of the log is not what was written")
        }
    }

    /// What a batch was answered with.
    var receipt: BatchReceipt {
        get throws {
            guard let batch, let id = try? BatchID(batch), let accepted, let count = Int(exactly: accepted),
                let digest, let digest = ContentDigest(digest)
            else { throw DatastoreError.corrupt("a receipt is incomplete") }
            return BatchReceipt(batch: id, revision: Revision(number: revision), accepted: count, digest: digest)
        }
    }

    /// Without a body.
    var head: LogEntry { get throws { try entry(body: []) } }

    func entry(body: [UInt8]?) throws -> LogEntry {
        let revision = Revision(number: revision)
        switch UInt8(exactly: kind).flatMap(LogEntryKind.init(rawValue:)) {
        case .erasure: return .erasure(revision: revision)
        case .partnerCreated: return .partnerCreated(revision: revision)
        case .batch:
            guard let body else { throw DatastoreError.corrupt("the facts of revision \(revision) are missing") }
            let receipt = try receipt
            return .batch(
                receipt.batch, revision: revision, accepted: receipt.accepted, digest: receipt.digest, body: body)
        case nil: throw DatastoreError.corrupt("an entry of the log is incomplete")
        }
    }
}
