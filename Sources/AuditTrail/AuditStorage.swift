import DurableFiles

/// What the log needs of its file; tests put faults in between.
package protocol AuditStorage: Sendable {
    func size() throws(AuditError) -> Int
    /// Writes all of `bytes` at the end, or throws; some of them may then have been written.
    func append(_ bytes: [UInt8]) throws(AuditError)
    func sync() throws(AuditError)
    func truncate(to size: Int) throws(AuditError)
    /// At most `count` bytes, fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8]
}

typealias AuditFile = DurableFile<AuditError>

extension DurableFile: AuditStorage where Failure == AuditError {}
