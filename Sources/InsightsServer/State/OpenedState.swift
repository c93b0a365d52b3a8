import AuditTrail
import Datastore
import LogLines
import Logging

/// What a start opens and reads back before anybody is served: the audit chain, the store in which all is that was
/// acknowledged, and what is in it.
struct OpenedState {
    let keys: ServerKeys
    let auditLog: AuditLog
    let store: SealedStore
    let recovered: RecoveredState
    /// What the operator accepted; nil when there was nothing to accept.
    let accepted: StoreFault?

    /// - Parameters:
    ///   - folder: the data folder.
    ///   - keys: the folder of the keys that other servers on the store have too.
    ///   - acceptsOlderStore: whether to go on with a store that lacks acknowledged changes, or is another one.
    init(
        _ store: any LicenseDatastore, folder: String, keys: String? = nil,
        auditSegmentBytes: Int = AuditLog.defaultSegmentBytes, acceptsOlderStore: Bool,
        now: @escaping @Sendable () -> Timestamp
    ) throws {
        let keys = keys ?? folder
        self.keys = try ServerKeys(folder: keys, store: store)
        // The chain first: what it tells of is believed only when it is as it was written.
        if let rows = store.audit, let key = self.keys.audit {
            auditLog = try AuditLog(rows, key: key, now: now)
        } else {
            auditLog = try AuditLog(folder: folder, segmentBytes: auditSegmentBytes)
        }
        do {
            accepted = try StoreHistory.read(folder: folder, keys: keys).fault(of: store.mark)
            if let accepted, !acceptsOlderStore { throw accepted }
            // Before anything is put on record: a store that cannot be read back is not one to go on with.
            recovered = try RecoveredState(from: store)
            self.store = try SealedStore(
                store, accepting: accepted, folder: folder, auditLog: auditLog,
                key: try AuditKey.read(folder: self.keys.audit == nil ? folder : keys), time: now())
        } catch {
            try? auditLog.close()
            throw error
        }
    }

    /// - Parameter milliseconds: that it took.
    func tell(_ logger: Logger, milliseconds: UInt64) {
        logger.info(
            "store read back",
            metadata: [
                "revision": .stringConvertible(recovered.core.revision),
                "replayed_entries": .stringConvertible(recovered.replayed.entries),
                "duration_ms": .stringConvertible(milliseconds),
            ])
        if let accepted {
            logger.warning("older store accepted", metadata: ["reason": .string(accepted.summary)])
        }
    }
}
