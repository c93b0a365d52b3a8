import Foundation
import Glibc

/// The memory that this process may use: the machine's, or less where a container has a bound.
enum MachineMemory {
    /// In bytes.
    static let total: Int = {
        let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        // Version 2 and version 1 of control groups, as a container sees them.
        let bounds = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
            (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }
        return max(([machine] + bounds).filter { $0 > 0 }.min() ?? 0, 64 << 20)
    }()
}
