import Cryptography
import Datastore
import DurableFiles

/// The keys that every server on a store must have alike: what one makes the others have to understand.
struct ServerKeys: Sendable {
    let pageTokens: [UInt8]

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes what is not there yet. Throws when the servers that were on the store before have others.
    init(folder: String, store: any LicenseDatastore) throws {
        pageTokens = try SecretFile.load(folder: folder, name: "page-token.key")
        let own = check
        guard areEqualInConstantTime(try store.keysCheck(own: own), own) else {
            throw Failure(
                description: "page-token.key in \(folder) is not that of the other servers on the store; "
                    + "give all of them the same by --keys")
        }
    }

    /// Tells nothing of the keys.
    private var check: [UInt8] {
        AuthenticationKey(pageTokens).code(of: Array("keys of the servers on one store".utf8))
    }
}
