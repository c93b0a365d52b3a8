import LicenseModel
import Tenancy

/// The SKU and the day of a snapshot of who holds a SKU.
struct HolderSnapshot: Sendable, Hashable {
    var sku: SkuIndex
    var day: Int32
}

/// A part of a snapshot, with the ids as they were sent: whom they mean is decided when all parts are there.
struct WaitingPart: Sendable {
    let snapshot: HolderSnapshot
    let part: SnapshotPart
    let told: Moment
    var users: [UserID]
}

/// The parts of snapshots of one customer that have not all come. They take the memory of what was sent, until the rest
/// comes or a whole snapshot takes their place.
struct WaitingParts: Sendable {
    /// One stored row.
    enum Slot: Sendable {
        case waiting(WaitingPart)
        /// The part is no longer needed: a fact of the snapshot from before that moment says nothing any more.
        case settled(HolderSnapshot, before: Moment)
    }

    private struct Parts: Sendable {
        var count: Int32
        /// By the number of the part.
        var slots: [Int32: Int32] = [:]
    }

    /// Greater than any slot that a customer comes to have.
    static let slotLimit: Int32 = 1 << 30

    private(set) var slots: [Int32: Slot] = [:]
    private var nextSlot: Int32 = 0
    private var parts: [HolderSnapshot: Parts] = [:]
    /// Slots that are settled, by the moment since when and then by number: as stored rows tell it.
    private var free: [(slot: Int32, since: Moment)] = []
    /// What stored rows say about snapshots whose parts are gone.
    private var settled: [HolderSnapshot: Moment] = [:]

    init() {}

    /// How many snapshots wait for parts.
    var snapshotCount: Int { parts.count }

    /// The facts of the snapshot from before that moment are known, whatever a log that is replayed says: the rows with
    /// what they said were stored before the one that says that a part is no longer needed.
    func isSettled(_ snapshot: HolderSnapshot, at moment: Moment) -> Bool {
        settled[snapshot].map { moment < $0 } ?? false
    }

    /// Adds a part. Returns everybody whom the snapshot names when this completes it.
    ///
    /// - Parameters:
    ///   - foldedThrough: slots that were settled until then may be used again.
    ///   - changed: gets the slots that changed.
    mutating func add(_ part: WaitingPart, foldedThrough: Revision, changed: inout Set<Int32>) -> [UserID]? {
        let count = part.part.count
        if let known = parts[part.snapshot], known.count != count {
            settle(part.snapshot, at: part.told, before: part.told, changed: &changed)
        }
        let known = parts[part.snapshot]?.slots[part.part.number]
        if known == nil, (parts[part.snapshot]?.slots.count ?? 0) == Int(count) - 1 {
            return complete(with: part, changed: &changed)
        }
        let slot = known ?? slotForPart(foldedThrough)
        slots[slot] = .waiting(part)
        nextSlot = max(nextSlot, slot + 1)
        parts[part.snapshot, default: Parts(count: count)].slots[part.part.number] = slot
        changed.insert(slot)
        return nil
    }

    private mutating func complete(with last: WaitingPart, changed: inout Set<Int32>) -> [UserID] {
        // In the order of the parts: a log that is replayed makes the same people at the same places.
        var all = [last]
        for slot in (parts[last.snapshot]?.slots ?? [:]).values {
            if case .waiting(let part) = slots[slot] { all.append(part) }
        }
        all.sort { $0.part.number < $1.part.number }
        let users = all.flatMap(\.users)
        settle(last.snapshot, at: last.told, before: last.told.next, changed: &changed)
        return users
    }

    /// Drops the parts of a snapshot; facts of it from before a moment say nothing any more.
    mutating func settle(
        _ snapshot: HolderSnapshot, at moment: Moment, before: Moment, changed: inout Set<Int32>
    ) {
        guard let dropped = parts.removeValue(forKey: snapshot) else { return }
        for slot in dropped.slots.values.sorted() {
            slots[slot] = .settled(snapshot, before: before)
            let place = free.partitioningIndex { ($0.since, $0.slot) > (before, slot) }
            free.insert((slot, before), at: place)
            changed.insert(slot)
        }
    }

    /// A slot whose row says nothing that a start could still need, or one more.
    private mutating func slotForPart(_ foldedThrough: Revision) -> Int32 {
        if let first = free.first, first.since.revision <= foldedThrough {
            free.removeFirst()
            return first.slot
        }
        return nextSlot
    }

    /// Where a part names the id first.
    func place(of id: UserID) -> (slot: Int32, index: Int32)? {
        for (slot, content) in slots.sorted(by: { $0.key < $1.key }) {
            guard case .waiting(let part) = content, let index = part.users.firstIndex(of: id) else { continue }
            return (slot, Int32(truncatingIfNeeded: index))
        }
        return nil
    }

    /// The id at a place; nil when there is none.
    func id(slot: Int32, index: Int32) -> UserID? {
        guard case .waiting(let part) = slots[slot], part.users.indices.contains(Int(index)) else { return nil }
        return part.users[Int(index)]
    }

    /// Replaces ids.
    mutating func replace(_ ids: Set<UserID>, by replacement: UserID, changed: inout Set<Int32>) {
        for (slot, content) in slots {
            guard case .waiting(var part) = content, part.users.contains(where: ids.contains) else { continue }
            part.users = part.users.map { ids.contains($0) ? replacement : $0 }
            slots[slot] = .waiting(part)
            changed.insert(slot)
        }
    }

    // MARK: Reading back

    /// - Parameter slot: below `slotLimit`.
    mutating func restore(_ content: Slot, in slot: Int32) {
        slots[slot] = content
        nextSlot = max(nextSlot, slot + 1)
        guard case .settled(let snapshot, let before) = content else { return }
        free.append((slot, before))
        settled[snapshot] = max(settled[snapshot] ?? .unknown, before)
    }

    /// All rows are read. After a fold that was not finished, the row of one part may say that a snapshot is complete
    /// while those of others do not yet; and parts that came since the fold before come again: those rows are given up.
    mutating func finishRestoring(unfinishedSince folded: Revision?, changed: inout Set<Int32>) {
        for (slot, content) in slots.sorted(by: { $0.key < $1.key }) {
            guard case .waiting(let part) = content else { continue }
            if let folded, part.told.revision > folded || isSettled(part.snapshot, at: part.told) {
                slots[slot] = .settled(part.snapshot, before: settled[part.snapshot] ?? .unknown)
                free.append((slot, part.told))
                changed.insert(slot)
            } else {
                parts[part.snapshot, default: Parts(count: part.part.count)].slots[part.part.number] = slot
            }
        }
        free.sort { ($0.since, $0.slot) < ($1.since, $1.slot) }
    }
}
