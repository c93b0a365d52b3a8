import Cryptography
import Foundation

/// A secret of this server, in a file of the data folder that only its owner can read.
enum SecretFile {
    static let byteCount = 32

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The 32 bytes of the file; made from random bytes when there is none.
    static func load(folder: String, name: String) throws(Failure) -> [UInt8] {
        let path = folder + "/" + name
        if FileManager.default.fileExists(atPath: path) {
            guard let data = FileManager.default.contents(atPath: path), data.count == byteCount else {
                throw Failure(description: "\(name) in the data folder has not \(byteCount) readable bytes")
            }
            return Array(data)
        }
        let secret = SecureRandom.bytes(byteCount)
        do throws(AuditError) {
            // Whole and durable before it is used: half a secret would keep the server from starting again.
            try AuditFile.replace(path, with: secret)
        } catch {
            throw Failure(description: "\(name) cannot be written to the data folder")
        }
        return secret
    }
}
