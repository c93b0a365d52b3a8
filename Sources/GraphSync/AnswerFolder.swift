import Cryptography
import Foundation
import Glibc
import ImportFormats

/// The answers of one customer as files, from which they are imported; kept only where that is wanted.
final class AnswerFolder: Sendable {
    private let path: String
    private let isKept: Bool

    /// A folder of the customer, which stays.
    init(keptIn root: String, customer: String) throws(SyncFailure) {
        isKept = true
        path = "\(root)/\(FileName.of(customer))"
        for folder in [root, path] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw SyncFailure("the folder “\(folder)” cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// A folder that goes with its last answer.
    init(temporaryIn root: String) throws(SyncFailure) {
        isKept = false
        guard mkdir(root, 0o700) == 0 || errno == EEXIST else {
            throw SyncFailure("the folder “\(root)” cannot be made: \(String(cString: strerror(errno)))")
        }
        var template = Array("\(root)/XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw SyncFailure("no folder can be made in “\(root)”: \(String(cString: strerror(errno)))")
        }
        path = String(cString: made)
    }

    deinit {
        if !isKept { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Forgets what an earlier run of the day kept of a source: it may have had more pages.
    func removeOld(_ prefix: String) {
        guard isKept, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return }
        for name in names where name.hasPrefix(prefix) { unlink("\(path)/\(name)") }
    }

    func file(_ name: String) -> AnswerFile { AnswerFile(path: "\(path)/\(name)", name: name, folder: self) }
}

/// One answer. Holds its folder, which goes with the last of them and of their inputs.
final class AnswerFile: Sendable {
    let path: String
    let name: String
    private let folder: AnswerFolder

    init(path: String, name: String, folder: AnswerFolder) {
        self.path = path
        self.name = name
        self.folder = folder
    }

    var input: InputFile { InputFile(path: path, name: name, keeping: folder) }

    /// Begins the file anew and writes what the body hands over. Whoever fails leaves nothing behind.
    func write(_ body: ((_ piece: [UInt8]) throws -> Void) async throws -> Void) async throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        // One that was there before may have another mode.
        fchmod(descriptor, 0o600)
        do {
            try await body { piece in
                var rest = piece[...]
                while !rest.isEmpty {
                    let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { throw self.failure() }
                    rest = rest.dropFirst(written)
                }
            }
        } catch {
            unlink(path)
            throw error
        }
    }

    private func failure() -> SyncFailure {
        SyncFailure("the file “\(path)” cannot be written: \(String(cString: strerror(errno)))")
    }
}

/// Names of files for ids, which may hold what no file name can.
enum FileName {
    /// Bytes of an id whose hexadecimal digits make a name: twice as many and the ends of names fit into the 255 that a
    /// file system takes.
    private static let longest = 100

    static func of(_ id: String) -> String {
        let isPlain = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        if isPlain, !id.hasPrefix("."), id.utf8.count <= longest { return id }
        // No two ids have one name: the others begin otherwise.
        if id.utf8.count <= longest { return "=" + Hex.text(of: Array(id.utf8)) }
        return "==" + Hex.text(of: DigestAlgorithm.sha256.digest(of: Array(id.utf8)))
    }
}
