import Glibc

/// Files with secrets, which nobody but their owner may read.
enum PrivateFile {
    /// Bytes of a secret, key or certificate.
    private static let largest = 256 << 10

    /// How systemd lays a credential before a service since version 254: root's, and read by the service through an
    /// access list that shows as the group's bits.
    private static func isCredentialOfService(_ status: stat) -> Bool {
        status.st_uid == 0 && status.st_gid == 0 && status.st_mode & 0o777 == 0o440
    }

    /// - Parameter what: the key of the configuration that names the file.
    static func read(_ path: String, _ what: String, isSecret: Bool) throws(SyncFailure) -> [UInt8] {
        // A pipe in the place of the file is refused below; without this flag, opening it would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SyncFailure("\(what): the file “\(path)” cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SyncFailure("\(what): “\(path)” is no file")
        }
        let mode = status.st_mode & 0o777
        guard !isSecret || mode & 0o077 == 0 || isCredentialOfService(status) else {
            let text = "0" + String(mode, radix: 8)
            throw SyncFailure("\(what): others may use “\(path)” (mode \(text)); its mode should be 0600")
        }
        var bytes = [UInt8](repeating: 0, count: largest + 1)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            guard read >= 0 else { throw SyncFailure("\(what): the file “\(path)” cannot be read") }
            if read == 0 { break }
            count += read
        }
        guard count <= largest else { throw SyncFailure("\(what): “\(path)” is larger than \(largest) bytes") }
        return Array(bytes.prefix(count))
    }
}
