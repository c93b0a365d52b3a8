import Foundation
import Glibc

/// How many files the process may have open, sockets among them, and how many of those connections may take: callers
/// can use up no descriptor that store, audit trail, log or admin port need.
struct DescriptorLimit {
    /// The limit in force.
    let files: Int
    /// Connections of the admin port at once.
    let adminConnections: Int
    /// What is kept from the connections of callers.
    let reserve: Int

    /// No more is asked of the system: the kernel's own bound on most machines.
    private static let mostFiles = 1_048_576
    /// Store with its readers, audit trail, log, key servers, the runtime's own (about 30 are in use at rest), and
    /// connections that have lost their place.
    private static let fixed = 64
    /// Of an event loop: epoll, its waker, its listener, and a socket that was accepted and is not counted yet. As many
    /// for the threads that fetch the keys of token issuers.
    private static let perLoop = 8
    /// Fewer connections are no server.
    private static let fewestConnections = 24

    /// - Parameters:
    ///   - files: the limit of open files.
    ///   - open: files that the process was started with, besides the standard three.
    init(files: Int, open: Int, loops: Int) {
        self.files = files
        adminConnections = min(AdminPort.mostConnections, max(8, files / 16))
        reserve = Self.fixed + Self.perLoop * loops + adminConnections + open
    }

    /// Raises the soft limit of this process to its hard limit. What cannot be raised stays as it is.
    ///
    /// - Parameter loops: event loops; 0 means one for every core.
    static func raised(loops: Int) -> DescriptorLimit {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0 else { return DescriptorLimit(files: 1_024, open: 0, loops: loops) }
        let before = limit.rlim_cur
        let wanted = min(limit.rlim_max, rlim_t(mostFiles))
        if wanted > before {
            limit.rlim_cur = wanted
            if setrlimit(kind, &limit) != 0 { limit.rlim_cur = before }
        }
        let count = loops > 0 ? loops : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return DescriptorLimit(
            files: Int(min(limit.rlim_cur, rlim_t(mostFiles))), open: openFiles(), loops: count)
    }

    /// Files that are open now besides the standard three, as whoever started the process left them.
    private static func openFiles() -> Int {
        // One of those listed is the folder that is being listed.
        let listed = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        return max(0, (listed ?? 4) - 4)
    }

    /// Connections of callers that the limit carries, at most `wanted`.
    func connections(wanted: Int) throws(SettingsError) -> Int {
        let carried = files - reserve
        guard carried >= min(wanted, Self.fewestConnections) else {
            throw SettingsError(
                description: "--max-connections: the limit of \(files) open files (ulimit -n) is too low: "
                    + "\(reserve) are kept for store, audit and admin port, and connections need "
                    + "\(Self.fewestConnections) more")
        }
        return min(wanted, carried)
    }

    /// For `check-config`.
    func text(wanted: Int) -> String {
        do throws(SettingsError) {
            let number = try connections(wanted: wanted)
            return "\(number) connections of \(files) open files, \(reserve) kept in reserve"
        } catch {
            return "none of \(files) open files, \(reserve) kept in reserve"
        }
    }
}
