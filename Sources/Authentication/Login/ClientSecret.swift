import Foundation
import Glibc

/// The secret by which an issuer knows this server.
enum ClientSecret {
    /// Bound of the file, in bytes.
    static let maximumBytes = 4_096

    /// Nil for a public client. The line break that editors leave at the end is none of the secret.
    static func read(_ login: LoginConfiguration, of issuer: TokenIssuer) throws(TokenIssuerError) -> String? {
        guard let path = login.secretFile else { return nil }
        func fault(_ reason: String) -> TokenIssuerError {
            TokenIssuerError(file: "of \(issuer.issuer)", reason: "\"client_secret_file\": \(reason)")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw fault("cannot be read") }
        // systemd lays credentials before a service as root's, with the service's access shown as the group's.
        let isOfSystem = status.st_uid == 0 && status.st_gid == 0 && status.st_mode & 0o777 == 0o440
        guard status.st_mode & 0o077 == 0 || isOfSystem else {
            throw fault("others than its owner may use it; its mode should be 0600")
        }
        let bytes: [UInt8]
        do throws(KeySetError) {
            bytes = try BoundedFile.read(path, limit: maximumBytes)
        } catch {
            throw fault("\(error)")
        }
        let text = String(validating: bytes, as: UTF8.self)?.trimmingCharacters(in: .newlines)
        guard let text, !text.isEmpty, !text.unicodeScalars.contains(where: \.isControl) else {
            throw fault("has no text in it")
        }
        return text
    }

    /// Throws what would stop a start with these issuers; asks nobody.
    static func check(_ issuers: [TokenIssuer]) throws(TokenIssuerError) {
        for issuer in issuers {
            if let login = issuer.login { _ = try read(login, of: issuer) }
        }
    }
}
