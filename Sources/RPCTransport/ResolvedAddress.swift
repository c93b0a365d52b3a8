import CLinux
import Glibc
import Threads

/// A network address. Finding those of a name blocks, so that it is done on a thread of its own.
struct ResolvedAddress: Sendable {
    fileprivate var address: transport_address

    /// Of a name, at most this many are tried.
    private static let room = 8

    /// The address that a host is by itself, without asking anybody; nil if it is a name.
    static func numeric(_ host: String, port: Int) -> ResolvedAddress? {
        try? find(host, port: port, numeric: true).get().first
    }

    static func find(_ host: String, port: Int, numeric: Bool = false) -> Result<[ResolvedAddress], Reason> {
        withUnsafeTemporaryAllocation(of: transport_address.self, capacity: room) { found in
            let count = transport_resolve(host, String(port), numeric ? 1 : 0, found.baseAddress, Int32(room))
            if count > 0 { return .success(found[..<Int(count)].map(ResolvedAddress.init)) }
            let isUnknown = count == 0 || count == EAI_NONAME
            return .failure(Reason(isUnknown ? "the host is not known" : String(cString: gai_strerror(count))))
        }
    }

    /// Looks the name up on a thread of its own and posts what came of it.
    static func find(_ server: ServerAddress, number: Int, tell mailbox: Mailbox<LoopMessage>) -> Bool {
        BackgroundThread.start {
            mailbox.post(.resolved(number: number, find(server.host, port: server.port)))
        }
    }

    /// A socket on its way there.
    func connect() -> Result<Int32, Reason> {
        // Read during the call only.
        let result = withUnsafePointer(to: address) { transport_connect($0) }
        return result >= 0 ? .success(result) : .failure(Reason(errno: -result))
    }
}

/// Why a server could not be reached, in words that can stand after “cannot reach HOST:PORT:”.
struct Reason: Error, Sendable, Hashable {
    let words: String

    init(_ words: String) { self.words = words }

    init(errno code: Int32) {
        switch code {
        case ECONNREFUSED: words = "connection refused"
        case ECONNRESET, EPIPE: words = "the connection was closed"
        case ETIMEDOUT: words = "it did not answer in time"
        case ENETUNREACH, EHOSTUNREACH: words = "there is no way to the host"
        default: words = String(cString: strerror(code))
        }
    }
}
