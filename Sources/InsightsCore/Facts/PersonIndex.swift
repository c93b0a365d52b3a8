import HashTreeCollections
import LicenseModel
import Tenancy

/// Whose an id was, and is.
///
/// An id that only ever belonged to one person, who is nobody else by now, costs one look-up. For any other id there is
/// a history: a fact that is replayed means the person to whom the id belonged when the fact came.
struct PersonIndex: Sendable {
    private struct Ownership: Sendable {
        var since: Moment
        var person: Int32
    }

    /// Places of people; below zero −1 − the place of a history.
    private var index = TreeDictionary<UserID, Int32>()
    /// By time.
    private var histories = SharedVector<[Ownership]>()

    /// Who had the id at the moment, before people were merged: `isSure` when nobody else ever had it and that person
    /// is not merged. Nil: at that moment no fact had named it yet.
    @inline(__always)
    func find(_ id: UserID, at moment: Moment) -> (person: Int, isSure: Bool)? {
        guard let known = index[id] else { return nil }
        if known >= 0 { return (Int(known), true) }
        return owner(in: histories[Int(-1 - known)], at: moment).map { ($0, false) }
    }

    private func owner(in history: [Ownership], at moment: Moment) -> Int? {
        history.last { $0.since <= moment }.map { Int($0.person) }
    }

    /// Who had the id until the fact of the moment.
    func owner(of id: UserID, before moment: Moment) -> Int? {
        guard let known = index[id], known < 0 else { return nil }
        return histories[Int(-1 - known)].last { $0.since < moment }.map { Int($0.person) }
    }

    /// Everybody who has or had the id.
    func owners(of id: UserID) -> [Int] {
        guard let known = index[id] else { return [] }
        return known >= 0 ? [Int(known)] : histories[Int(-1 - known)].map { Int($0.person) }
    }

    /// The one person who ever had the id, where there is no history of it.
    func sole(of id: UserID) -> Int? {
        guard let known = index[id], known >= 0 else { return nil }
        return Int(known)
    }

    /// The id belongs to the person since the moment. Nobody has it, or there is a history of it.
    mutating func add(_ id: UserID, person: Int, since: Moment) {
        let new = Ownership(since: since, person: Int32(truncatingIfNeeded: person))
        guard let known = index[id] else {
            index[id] = new.person
            return
        }
        guard known < 0 else { return }
        let slot = Int(-1 - known)
        let place = histories[slot].partitioningIndex { $0.since > since }
        if place > 0, histories[slot][place - 1].since == since, histories[slot][place - 1].person == new.person {
            return
        }
        histories[slot].insert(new, at: place)
    }

    /// From now on the id is looked up in a history, of its one person so far.
    mutating func keepHistory(of id: UserID, since: Moment) {
        guard let known = index[id], known >= 0 else { return }
        index[id] = -1 - Int32(truncatingIfNeeded: histories.count)
        histories.append([Ownership(since: since, person: known)])
    }

    /// Nobody has or had the id any more.
    mutating func remove(_ id: UserID) {
        if let known = index.removeValue(forKey: id), known < 0 { histories[Int(-1 - known)] = [] }
    }

    /// These people never had the id.
    mutating func remove(_ id: UserID, of people: Set<Int>) {
        guard let known = index[id] else { return }
        if known >= 0 {
            if people.contains(Int(known)) { index[id] = nil }
            return
        }
        histories[Int(-1 - known)].removeAll { people.contains(Int($0.person)) }
        if histories[Int(-1 - known)].isEmpty { index[id] = nil }
    }
}
