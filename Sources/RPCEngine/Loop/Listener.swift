import CLinux
import Glibc

/// A listening socket of one event loop; all loops share the port by SO_REUSEPORT.
enum Listener {
    private static let backlog: Int32 = 4_096

    /// Refuses a port that somebody listens on already. Sockets that share a port do not: without this a second server
    /// of the same user would get a part of the first one's connections.
    static func probe(host: String, port: UInt16) throws(EngineError) {
        close(try bind(host: host, port: port, shared: false))
    }

    static func open(host: String, port: UInt16) throws(EngineError) -> (fd: Int32, bound: BoundAddress) {
        let fd = try bind(host: host, port: port, shared: true)
        var bound = sockaddr_storage()
        guard engine_local_address(fd, &bound) == 0, let text = describe(bound) else {
            let text = reason()
            close(fd)
            throw .listen(address: BoundAddress(host: host, port: port).description, reason: text)
        }
        return (fd, text)
    }

    private static func bind(host: String, port: UInt16, shared: Bool) throws(EngineError) -> Int32 {
        let wanted = BoundAddress(host: host, port: port).description
        var address = sockaddr_storage()
        var length: socklen_t = 0
        let error = engine_resolve(host, String(port), &address, &length)
        guard error == 0 else { throw .listen(address: wanted, reason: String(cString: gai_strerror(error))) }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(Int32(address.ss_family), type, 0)
        guard fd >= 0 else { throw .listen(address: wanted, reason: reason()) }
        guard engine_set_int_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0,
            engine_set_int_option(fd, SOL_SOCKET, SO_REUSEPORT, shared ? 1 : 0) == 0,
            engine_bind(fd, &address, length) == 0, !shared || listen(fd, backlog) == 0
        else {
            let text = reason()
            close(fd)
            throw .listen(address: wanted, reason: text)
        }
        return fd
    }

    static func describe(_ address: sockaddr_storage) -> BoundAddress? {
        var address = address
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            // inet_ntop ends its text with a zero byte within the size given.
            let port = engine_address_text(&address, buffer.baseAddress, socklen_t(buffer.count))
            guard port >= 0, let number = UInt16(exactly: port), let base = buffer.baseAddress else { return nil }
            return BoundAddress(host: String(cString: base), port: number)
        }
    }

    /// Settings of an accepted socket: no delay, and a dead peer is noticed in minutes rather than hours.
    /// False when the kernel refuses one.
    static func tune(_ fd: Int32) -> Bool {
        engine_set_int_option(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1) == 0
            && engine_set_int_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0
            && engine_set_int_option(fd, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 120) == 0
            && engine_set_int_option(fd, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 20) == 0
            && engine_set_int_option(fd, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3) == 0
    }

    private static func reason() -> String {
        // strerror's text is static for known errors.
        strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
    }
}
