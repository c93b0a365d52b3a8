import Glibc
import Synchronization

/// A few open descriptors that the audit trail gives back when the process may open no more: its anchor, its next
/// segment and its journal can be written whatever else has taken all the others.
enum SpareDescriptors {
    /// A file beside the one it replaces, their folder, and a segment that is being made, for two writers at once.
    private static let most = 6

    private static let held = Mutex<[Int32]>([])

    /// Opens with `open`, which returns a descriptor or -1 and sets `errno`; once more for each spare one while there
    /// are none left.
    static func using(_ open: () -> Int32) -> Int32 {
        while true {
            let descriptor = open()
            if descriptor >= 0 { return descriptor }
            let reason = errno
            guard reason == EMFILE || reason == ENFILE, let spare = held.withLock({ $0.popLast() }) else {
                errno = reason
                return -1
            }
            close(spare)
        }
    }

    /// Fills up again, as far as there are descriptors.
    static func refill() {
        held.withLock { held in
            while held.count < most {
                let spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
                guard spare >= 0 else { return }
                held.append(spare)
            }
        }
    }
}
