import AuditTrail
import LicenseModel
import LogLines
import Logging
import RPCEngine

/// Puts changes on record whatever happens: noted durably before they are made, each with its outcome in its one record
/// afterwards. A group shares one `fsync` before and one after. Blocks for the disk.
struct ChangeRecorder: Sendable {
    struct Outcome: Sendable {
        let change: AuditChange
        let result: Result<MadeChange, WriteFailure>
    }

    let auditLog: AuditLog
    let clock: ServerClock
    let published: PublishedCore
    let logger: Logger

    /// Throws when the changes cannot be noted; then none of them may be made.
    func begin(_ events: [AuditEvent]) throws(WriteFailure) -> [AuditChange] {
        do {
            return try auditLog.begin(events)
        } catch {
            note(error)
            // Of a store that has the audit trail too nothing else could be written either.
            throw error == .full ? .datastore(.full) : .auditUnavailable
        }
    }

    func end(_ outcomes: [Outcome]) {
        var made: [AuditChange] = []
        var refused: [AuditChange] = []
        for outcome in outcomes {
            switch outcome.result {
            case .success(let value):
                made.append(ended(outcome.change, code: .ok, revision: value.revision))
            case .failure(let failure) where failure.isRefusal:
                refused.append(outcome.change)
            case .failure(let failure):
                made.append(ended(outcome.change, code: Refusal.write(failure, path: "").code))
            }
        }
        // Nothing was about to change: the call has the record of a denied one.
        auditLog.forget(refused)
        end(made)
    }

    func end(_ change: AuditChange, code: RPCStatus.Code) {
        end([ended(change, code: code)])
    }

    /// The changes are made and noted: records that cannot be written now follow later.
    private func end(_ changes: [AuditChange]) {
        do { try auditLog.end(changes) } catch { note(error) }
    }

    private func ended(_ change: AuditChange, code: RPCStatus.Code, revision: Revision? = nil) -> AuditChange {
        var change = change
        change.event.time = Timestamp(milliseconds: clock.unixSeconds() * 1_000)
        change.event.code = Int32(code.rawValue)
        change.event.revision = UInt64(clamping: (revision ?? published.load().revision).number)
        return change
    }

    func note(_ error: AuditError) {
        logger.error("audit failure", metadata: ["reason": .string(error.description)])
    }
}
