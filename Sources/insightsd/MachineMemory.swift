import Foundation
import Glibc

/// The memory that this process may use: the machine's, or less where a container has a bound.
enum MachineMemory {
    /// In bytes.
    static let total: Int = {
        let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        // Version 2 and version 1 of control groups, as a container sees them; and as a service sees its own.
        let paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        let bounds = (paths + ownGroups).compactMap { path in
            (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }
        return max(([machine] + bounds).filter { $0 > 0 }.min() ?? 0, 64 << 20)
    }()

    /// Of the control group of this process, and of those it is in: each may have a bound.
    private static var ownGroups: [String] {
        guard let text = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
        else { return [] }
        var names = line.dropFirst("0::/".count).split(separator: "/")
        var paths: [String] = []
        while !names.isEmpty {
            paths.append("/sys/fs/cgroup/\(names.joined(separator: "/"))/memory.max")
            names.removeLast()
        }
        return paths
    }
}
