import CLinux
import Glibc

/// Taking connections. No error of a listener ends it: it rests and is tried again.
extension EventLoop {
    /// Nanoseconds that a listener rests.
    private static let restTime: UInt64 = 500_000_000
    /// Nanoseconds between two events that tell of it.
    private static let silence: UInt64 = 10_000_000_000

    func acceptConnections() {
        for _ in 0..<64 {
            var address = sockaddr_storage()
            let fd = engine_accept(listener, &address)
            if fd >= 0 {
                accepted(fd, address)
                continue
            }
            switch errno {
            case EAGAIN: return
            // Of the connection that was to be taken, not of the listener.
            case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                ENETUNREACH, ETIMEDOUT:
                continue
            case EMFILE, ENFILE: return pauseAccepting("no file descriptors")
            case ENOBUFS, ENOMEM: return pauseAccepting("no memory")
            case let error: return pauseAccepting("error \(error)")
            }
        }
    }

    /// The listener rests until a sweep, the connections go on.
    private func pauseAccepting(_ reason: String) {
        engine_epoll_remove(epoll, listener)
        acceptPausedUntil = now &+ Self.restTime
        guard now >= pauseToldUntil else { return }
        pauseToldUntil = now &+ Self.silence
        shared.onEvent(.acceptPaused(reason: reason))
    }

    /// Called by the sweep. What fails now is tried again by a later one.
    func resumeAccepting() {
        guard acceptPausedUntil > 0, now >= acceptPausedUntil, listener >= 0 else { return }
        if engine_epoll_add(epoll, listener, engine_epoll_in, Self.listenToken) == 0 || errno == EEXIST {
            acceptPausedUntil = 0
        }
    }

    private func accepted(_ fd: Int32, _ address: sockaddr_storage) {
        var address = address
        let key = engine_address_key(&address)
        let remote = Listener.describe(address)?.description ?? "unknown"
        let id = shared.nextConnectionNumber()
        // Before anybody in the crowd loses a place to it.
        guard memory.reserve(Limits.connectionBytes) else { return refuse(fd, remote, "memory budget") }
        let admission = shared.admit(.init(id: id, address: key, descriptor: fd))
        if case .refused(let reason) = admission {
            memory.release(Limits.connectionBytes)
            return refuse(fd, remote, reason)
        }
        let isInCrowd = admission != .admitted
        let slot = takeSlot()
        guard Listener.tune(fd), engine_epoll_add(epoll, fd, engine_epoll_in, Self.token(slot: slot, id: id)) == 0,
            let ssl = shared.currentTLS().makeSSL(fd: fd)
        else {
            giveBack(slot: slot)
            memory.release(Limits.connectionBytes)
            giveBackPlace(key, id, isInCrowd: isInCrowd)
            return refuse(fd, remote, "out of memory")
        }
        let connection = Connection(
            loop: self, fd: fd, slot: slot, id: id, addressKey: key, remoteAddress: remote, ssl: ssl)
        connection.interest = engine_epoll_in
        if isInCrowd {
            connection.place = .crowd(hasSpoken: false)
            connection.deadline = now &+ times.crowdedHandshakeTimeout
        }
        add(connection)
    }

    /// Of a connection that is not taken after all. One in the crowd may have lost its place meanwhile.
    private func giveBackPlace(_ address: UInt64, _ id: UInt64, isInCrowd: Bool) {
        if isInCrowd, !shared.leaveCrowd(id) {
            shared.closedWithoutPlace()
        } else {
            shared.release(address, isVerified: false)
        }
    }

    /// Closing takes the descriptor out of epoll.
    private func refuse(_ fd: Int32, _ remote: String, _ reason: String) {
        close(fd)
        statistics.refused.increment()
        shared.onEvent(.connectionRefused(remoteAddress: remote, reason: reason))
    }
}
