import Cryptography
import DurableFiles

/// The secrets of an audit log, all made from the 32 bytes of `audit.key`.
package struct AuditKey: Sendable {
    static let byteCount = 32

    private let chainKey: AuthenticationKey
    private let sealKey: AuthenticationKey
    private let journalKey: AuthenticationKey
    private let customerKey: AuthenticationKey
    private let headKey: AuthenticationKey

    /// - Parameter secret: 32 bytes.
    package init(secret: [UInt8]) {
        let root = AuthenticationKey(secret)
        func derived(_ purpose: String) -> AuthenticationKey {
            AuthenticationKey(root.code(of: Array(purpose.utf8)))
        }
        chainKey = derived("partner insights audit: chain")
        sealKey = derived("partner insights audit: seal")
        journalKey = derived("partner insights audit: journal")
        customerKey = derived("partner insights audit: customer")
        headKey = derived("partner insights audit: store head")
    }

    /// Stands in for the code of the line before the first.
    static let genesis = [UInt8](repeating: 0, count: 32)

    /// The same of a chain in a store, whose number nobody can change.
    func genesis(of chain: Int32) -> [UInt8] {
        chainKey.code(of: Array("chain \(chain)".utf8))
    }

    /// The code of a line: over the code of the line before and its own text.
    func chain(previous: [UInt8], body: some Sequence<UInt8>) -> [UInt8] {
        chainKey.code(of: previous + Array(body))
    }

    /// The code of a small file beside the log.
    func seal(_ body: [UInt8]) -> [UInt8] {
        sealKey.code(of: body)
    }

    /// The code of a change that has no record yet.
    func journal(_ body: some Sequence<UInt8>) -> [UInt8] {
        journalKey.code(of: Array(body))
    }

    /// The line, with its newline, in which the store's head says `body`: JSON without its closing brace.
    package func headLine(_ body: [UInt8]) -> [UInt8] {
        AuditLine.line(body: body, mac: head(body))
    }

    /// What such a line, without its newline, says. Nil when it is not as it was written.
    package func headBody(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let (body, mac) = AuditLine.split(line), areEqualInConstantTime(head(body), mac) else { return nil }
        return body
    }

    func head(_ body: some Sequence<UInt8>) -> [UInt8] {
        headKey.code(of: Array(body))
    }

    /// What stands for a customer in the log: the same customer always hashes alike, and nobody without the key can
    /// try ids out.
    func hash(customer: String) -> String {
        Hex.text(of: customerKey.code(of: Array(customer.utf8)))
    }

    /// The key of a data folder. Nil when there is none.
    package static func read(folder: String) throws(AuditError) -> AuditKey? {
        try read(AuditPaths(folder: folder).key)
    }

    static func read(_ path: String) throws(AuditError) -> AuditKey? {
        guard let file = try AuditFile.openExisting(path) else { return nil }
        guard try file.isPrivate() else { throw .badKey(reason: "may be read by others than its owner") }
        let secret = try file.read(at: 0, count: byteCount + 1)
        guard secret.count == byteCount else { throw .badKey(reason: "has not \(byteCount) bytes") }
        return AuditKey(secret: secret)
    }

    /// Makes a new key, readable by its owner alone and durable before it is used.
    static func create(_ path: String) throws(AuditError) -> AuditKey {
        let secret = SecureRandom.bytes(byteCount)
        try AuditFile.replace(path, with: secret)
        return AuditKey(secret: secret)
    }
}
