import DurableFiles
import Glibc

/// The name by which a server knows itself again in a store that others may use: drawn once for each data folder.
enum ServerName {
    static func load(folder: String) throws -> String {
        let drawn = try SecretFile.load(folder: folder, name: "server.id").prefix(6)
        var host = [CChar](repeating: 0, count: 256)
        // The last one stays zero, whatever the system cuts off.
        let hasHost = gethostname(&host, host.count - 1) == 0
        let name = hasHost ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
        return name + "-" + drawn.map { String($0 / 16, radix: 16) + String($0 % 16, radix: 16) }.joined()
    }
}
