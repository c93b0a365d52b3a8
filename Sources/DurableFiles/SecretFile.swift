/// A secret of this server, in a file that is made so that only its owner can read it.
package enum SecretFile {
    static let byteCount = 32

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The 32 bytes of the file; made with the system's generator when there is none.
    ///
    /// - Parameter isPrivate: refuses one that others than its owner may use.
    package static func load(folder: String, name: String, isPrivate: Bool = false) throws(Failure) -> [UInt8] {
        if let found = try find(folder: folder, name: name, isPrivate: isPrivate) { return found }
        let path = folder + "/" + name
        let secret = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max) }
        do throws(Refused) {
            // Whole and durable before it is used: half a secret would keep the server from starting again.
            try DurableFile<Refused>.replace(path, with: secret)
        } catch {
            throw Failure(description: "\(name) cannot be written to its folder")
        }
        return secret
    }

    /// The 32 bytes of the file; nil when there is none.
    package static func find(folder: String, name: String, isPrivate: Bool = false) throws(Failure) -> [UInt8]? {
        var isOpenToOthers = false
        let found: [UInt8]?
        do throws(Refused) {
            let file = try DurableFile<Refused>.openExisting(folder + "/" + name)
            if isPrivate, let file { isOpenToOthers = try !file.isPrivate() }
            found = try file?.read(at: 0, count: byteCount + 1)
        } catch {
            found = []
        }
        if isOpenToOthers { throw Failure(description: "\(name) may be used by others than its owner") }
        guard found == nil || found?.count == byteCount else {
            throw Failure(description: "\(name) has not \(byteCount) readable bytes")
        }
        return found
    }

    /// Why does not matter: the file can be used or not.
    private enum Refused: FileFailure {
        case system(operation: String, code: Int32)
        case inUse
    }
}
