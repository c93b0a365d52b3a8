import CLinux
import Synchronization

/// Bytes that peers make the process hold, and how many they may: one account for the whole process, and one for each
/// party that the interceptor tells apart. May be used from any thread.
///
/// What is counted is memory, not content: capacities of buffers, and a flat sum for what a connection or call costs.
public final class MemoryAccount: Sendable {
    /// In bytes.
    public let limit: Int
    private let held = Atomic<Int>(0)

    public init(limit: Int) {
        self.limit = max(0, limit)
    }

    /// Bytes held now; may be above the limit by what had to be taken in any case.
    public var used: Int { held.load(ordering: .relaxed) }

    /// Bytes that the process's allocator has handed out, for peers and everything else.
    public static var heapBytes: Int { Int(clamping: engine_heap_bytes()) }

    public var isFull: Bool { used >= limit }

    /// Counts bytes that are about to be held. False, and nothing counted, when they do not fit.
    func reserve(_ bytes: Int) -> Bool {
        let after = held.wrappingAdd(bytes, ordering: .relaxed).newValue
        if after <= limit { return true }
        release(bytes)
        return false
    }

    /// Brings what one holder has counted to another number of bytes. False, and nothing changed, when more is wanted
    /// and does not fit.
    public func change(from before: Int, to after: Int) -> Bool {
        if after > before { return reserve(after - before) }
        release(before - after)
        return true
    }

    /// Counts bytes that are held already.
    func take(_ bytes: Int) { held.wrappingAdd(bytes, ordering: .relaxed) }

    func release(_ bytes: Int) { held.wrappingSubtract(bytes, ordering: .relaxed) }
}

/// The part of the process's account that one event loop has drawn, in blocks, so that a call costs no locked
/// instruction. Belongs to its loop.
struct LoopMemory {
    private let budget: MemoryAccount
    /// Drawn from the budget, of which `used` is in use.
    private var drawn = 0
    private(set) var used = 0
    /// Above `used` by what was given back since the system was last asked to take free memory.
    private var peak = 0

    private let block: Int
    /// Memory given back by peers above this goes back to the system too.
    private static let trimBytes = 32 << 20

    init(_ budget: MemoryAccount) {
        self.budget = budget
        // Small enough that what many loops keep in reserve is no part of a small budget worth speaking of.
        block = max(16 << 10, min(256 << 10, budget.limit / 1_024))
    }

    /// False, and nothing counted, when the process's budget is used up.
    mutating func reserve(_ bytes: Int) -> Bool {
        let missing = used + bytes - drawn
        if missing > 0 {
            // Near the limit not a whole block, but what is needed.
            let wanted = max(missing, block)
            if budget.reserve(wanted) {
                drawn += wanted
            } else if budget.reserve(missing) {
                drawn += missing
            } else {
                return false
            }
        }
        used += bytes
        peak = max(peak, used)
        return true
    }

    /// For the little that is needed to tell somebody that the budget is used up: a sixteenth more.
    mutating func reserveToRefuse(_ bytes: Int) -> Bool {
        if reserve(bytes) { return true }
        guard budget.used < budget.limit + budget.limit / 16 else { return false }
        take(bytes)
        return true
    }

    /// For bytes that are held already.
    mutating func take(_ bytes: Int) {
        if used + bytes > drawn {
            budget.take(used + bytes - drawn)
            drawn = used + bytes
        }
        used += bytes
        peak = max(peak, used)
    }

    mutating func release(_ bytes: Int) {
        used -= bytes
        let spare = drawn - used
        guard spare > 2 * block else { return }
        budget.release(spare - block)
        drawn = used + block
    }

    /// True once after much was given back.
    mutating func wantsTrim() -> Bool {
        guard peak - used > Self.trimBytes else { return false }
        peak = used
        return true
    }
}

/// What the writers of one connection's streams have queued. May be used from any thread.
final class WriterMemory: Sendable {
    private let queued = Atomic<Int>(0)
    private let limit: Int
    private let budget: MemoryAccount

    init(limit: Int, budget: MemoryAccount) {
        self.limit = limit
        self.budget = budget
    }

    /// Counts what a handler keeps elsewhere: no part of the queues.
    func hold(_ bytes: Int, _ account: MemoryAccount?) {
        budget.take(bytes)
        account?.take(bytes)
    }

    /// Whether a stream that has something queued must wait.
    var isFull: Bool { queued.load(ordering: .relaxed) >= limit || budget.isFull }

    func add(_ bytes: Int, _ account: MemoryAccount?) {
        queued.wrappingAdd(bytes, ordering: .relaxed)
        budget.take(bytes)
        account?.take(bytes)
    }

    func remove(_ bytes: Int, _ account: MemoryAccount?) {
        queued.wrappingSubtract(bytes, ordering: .relaxed)
        budget.release(bytes)
        account?.release(bytes)
    }
}
