import Crypto
import DurableFiles
import Foundation

/// The secrets of an audit log, all made from the 32 bytes of `audit.key`.
package struct AuditKey: Sendable {
    static let byteCount = 32

    private let chainKey: SymmetricKey
    private let sealKey: SymmetricKey
    private let journalKey: SymmetricKey
    private let customerKey: SymmetricKey
    private let headKey: SymmetricKey

    init(secret: [UInt8]) {
        func derived(_ purpose: String) -> SymmetricKey {
            let code = HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: SymmetricKey(data: secret))
            return SymmetricKey(data: Array(code))
        }
        chainKey = derived("partner insights audit: chain")
        sealKey = derived("partner insights audit: seal")
        journalKey = derived("partner insights audit: journal")
        customerKey = derived("partner insights audit: customer")
        headKey = derived("partner insights audit: store head")
    }

    /// Stands in for the code of the line before the first.
    static let genesis = [UInt8](repeating: 0, count: 32)

    /// The code of a line: over the code of the line before and its own text.
    func chain(previous: [UInt8], body: some Sequence<UInt8>) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: previous + Array(body), using: chainKey))
    }

    /// The code of a small file beside the log.
    func seal(_ body: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: body, using: sealKey))
    }

    /// The code of a change that has no record yet.
    func journal(_ body: some Sequence<UInt8>) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(body), using: journalKey))
    }

    /// The line, with its newline, in which the store's head says `body`: JSON without its closing brace.
    package func headLine(_ body: [UInt8]) -> [UInt8] {
        AuditLine.line(body: body, mac: head(body))
    }

    /// What such a line, without its newline, says. Nil when it is not as it was written.
    package func headBody(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let (body, mac) = AuditLine.split(line), Self.equal(head(body), mac) else { return nil }
        return body
    }

    private func head(_ body: some Sequence<UInt8>) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(body), using: headKey))
    }

    /// What stands for a customer in the log: the same customer always hashes alike, and nobody without the key can
    /// try ids out.
    func hash(customer: String) -> String {
        Hex.text(of: HMAC<SHA256>.authenticationCode(for: Array(customer.utf8), using: customerKey))
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
        // The system's generator, which is fit for secrets.
        let secret = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max) }
        try AuditFile.replace(path, with: secret)
        return AuditKey(secret: secret)
    }
}
