import AuditTrail
import Cryptography
import Datastore
import DurableFiles

/// The keys that every server on a store must have alike: what one makes the others have to understand.
struct ServerKeys: Sendable {
    let pageTokens: [UInt8]
    /// Of the audit trail, where the servers share that too; nil where it is in files, which have their own.
    let audit: AuditKey?

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes what is not there yet. Throws when the servers that were on the store before have others.
    init(folder: String, store: any LicenseDatastore) throws {
        pageTokens = try SecretFile.load(folder: folder, name: "page-token.key")
        var check = Self.check(pageTokens)
        if store.isShared {
            let secret = try SecretFile.load(folder: folder, name: "audit.key")
            // Refused where others than the owner may read it.
            audit = try AuditKey.read(folder: folder)
            check += Self.check(secret)
        } else {
            audit = nil
        }
        guard areEqualInConstantTime(try store.keysCheck(own: check), check) else {
            throw Failure(
                description: "page-token.key and audit.key in \(folder) are not those of the other servers on the "
                    + "store; give all of them the same by --keys")
        }
    }

    /// Tells nothing of the key.
    private static func check(_ key: [UInt8]) -> [UInt8] {
        AuthenticationKey(key).code(of: Array("keys of the servers on one store".utf8))
    }
}
