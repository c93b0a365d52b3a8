import Foundation
import Glibc
import Logging
import Synchronization

/// What SIGTERM, SIGINT and SIGHUP do, from the first moment on.
///
/// SIGTERM or SIGINT while starting: nothing runs yet, the process ends with 0. While serving: drain, once; a second
/// one changes nothing. SIGHUP has the TLS files read again.
final class ProcessSignals: Sendable {
    private enum Phase {
        case starting
        case serving(stop: @Sendable () -> Void, reload: @Sendable () -> Void)
        case stopping
    }

    private let phase = Mutex(Phase.starting)
    private let log: ServerLog
    private let queue = DispatchQueue(label: "signals")
    private let sources: [DispatchSource]

    init(_ log: ServerLog) {
        self.log = log
        let signals = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGHUP, "SIGHUP")]
        let named = signals.compactMap { [queue] number, name in
            (DispatchSource.makeSignalSource(signal: number, queue: queue) as? DispatchSource).map { ($0, name) }
        }
        sources = named.map(\.0)
        let registered = DispatchGroup()
        for (source, name) in named {
            registered.enter()
            source.setRegistrationHandler { registered.leave() }
            // Holds on to this object, and with it to the sources, as long as the process lives.
            source.setEventHandler { self.received(name) }
            source.resume()
        }
        registered.wait()
    }

    /// The start is over.
    func serve(stop: @escaping @Sendable () -> Void, reload: @escaping @Sendable () -> Void) {
        phase.withLock { $0 = .serving(stop: stop, reload: reload) }
    }

    private func received(_ name: String) {
        let before = phase.withLock { phase in
            defer { if name != "SIGHUP", case .serving = phase { phase = .stopping } }
            return phase
        }
        log.logger.notice("signal", metadata: ["name": .string(name)])
        switch before {
        case .starting where name == "SIGHUP": break
        case .starting:
            log.flush()
            // The store survives a crash, so it survives this; the start still runs on another thread.
            _exit(0)
        case .serving(let stop, let reload): name == "SIGHUP" ? reload() : stop()
        case .stopping: break
        }
    }
}
