import LicenseModel
import Tenancy

/// Who sold, as one number: a partner's place, or one of the kinds below.
typealias SellerIndex = Int32

enum SellerKind {
    static let direct: SellerIndex = -1
    static let unknown: SellerIndex = -2
    /// Of snapshots alone: the subscriptions of every seller.
    static let every: SellerIndex = -3
}

/// One subscription of a customer: its value on a day is that of the last entry at or before the day, unless a snapshot
/// since then says that it is gone.
struct Subscription: Sendable {
    struct Entry: Sendable, Equatable {
        var day: Int32
        var sku: SkuIndex
        var quantity: Int64
        var state: SubscriptionState
        var trial: Bool
        var termEnd: Day?
        var autoRenew: Bool
        var term: Term?

        /// Equal but for the day.
        func sameValue(as other: Entry) -> Bool {
            var dated = self
            dated.day = other.day
            return dated == other
        }

        /// In *sold*, and a day on which *uncounted* may look back to.
        var isSold: Bool { !trial && state != .deprovisioned }
    }

    let id: SubscriptionID
    /// The last one told that is known: for every day.
    var seller = SellerKind.unknown
    /// What facts say, by day; none while only snapshots name the subscription.
    private(set) var entries: [Entry] = []
    /// Days of snapshots that name it, by the seller that they are of.
    private(set) var named: [SellerIndex: DaySet] = [:]
    /// What entries and snapshots say together, by day. Derived; `entries` itself where no snapshot says otherwise.
    private(set) var history: [Entry] = []

    init(id: SubscriptionID) {
        self.id = id
    }

    /// Of two entries for one day the later ingested wins.
    mutating func set(_ entry: Entry) {
        let place = entries.partitioningIndex { $0.day >= entry.day }
        if place < entries.count, entries[place].day == entry.day {
            entries[place] = entry
        } else {
            entries.insert(entry, at: place)
        }
    }

    /// Whether the snapshot of that seller and day names the subscription.
    mutating func setNamed(_ isNamed: Bool, by place: SnapshotPlace) {
        if isNamed {
            named[place.seller, default: DaySet()].insert(place.day)
        } else {
            named[place.seller]?.remove(place.day)
        }
    }

    mutating func setNamed(_ days: DaySet, of seller: SellerIndex) { named[seller] = days }

    func isNamed(by place: SnapshotPlace) -> Bool { named[place.seller]?.contains(place.day) ?? false }

    // MARK: History

    /// Makes the history anew. Returns the first day that changed; nil = none.
    ///
    /// - Parameter snapshots: days of the customer's snapshots, by the seller that they are of.
    mutating func deriveHistory(_ snapshots: [SellerIndex: DaySet]) -> Int32? {
        let old = history
        history = entries(endedBy: snapshots)
        var same = 0
        while same < old.count, same < history.count, old[same] == history[same] { same += 1 }
        if same == old.count, same == history.count { return nil }
        return min(same < old.count ? old[same].day : .max, same < history.count ? history[same].day : .max)
    }

    /// A function of the facts alone, whatever the order of their arrival.
    private func entries(endedBy snapshots: [SellerIndex: DaySet]) -> [Entry] {
        let covering = [SellerKind.every, seller].compactMap { seller in
            snapshots[seller].map { (days: $0, named: named[seller] ?? DaySet()) }
        }
        if covering.isEmpty { return entries }
        var ended: [Entry] = []
        // For each of `covering` the next day that does not name the subscription, carried along: the days are walked
        // once, however many entries there are.
        var missing = [Int32](repeating: -1, count: covering.count)
        for (place, entry) in entries.enumerated() {
            ended.append(entry)
            for (source, snapshots) in covering.enumerated() where missing[source] <= entry.day {
                missing[source] = snapshots.days.first(from: entry.day &+ 1, notIn: snapshots.named) ?? .max
            }
            guard let end = missing.min(), entry.state != .deprovisioned,
                end < (place + 1 < entries.count ? entries[place + 1].day : .max)
            else { continue }
            var last = entry
            last.day = end
            last.state = .deprovisioned
            ended.append(last)
        }
        return ended.count == entries.count ? entries : ended
    }

    /// Days on which a snapshot ends the subscription.
    private var ends: [Int32] {
        if history.count == entries.count { return [] }
        var rest = entries[...]
        return history.compactMap { entry in
            if rest.first?.day == entry.day {
                rest.removeFirst()
                return nil
            }
            return entry.day
        }
    }

    func isEnded(bySnapshotOn day: Int32) -> Bool { ends.contains(day) }

    /// Whether one of these snapshots ends the subscription on a day on which it did not end before.
    func isEnded(by snapshots: Set<SnapshotPlace>, unlike before: Subscription?) -> Bool {
        let known = before?.ends ?? []
        return ends.contains { day in
            !known.contains(day)
                && [SellerKind.every, seller].contains { seller in
                    let place = SnapshotPlace(seller: seller, day: day)
                    return snapshots.contains(place) && !isNamed(by: place)
                }
        }
    }

    func entry(on day: Int32) -> Entry? {
        let place = history.partitioningIndex { $0.day > day }
        return place == 0 ? nil : history[place - 1]
    }

    /// The entry of a day, dated back to the first day since which all that it says holds: downloads that found nothing
    /// new repeat the entry before.
    func value(on day: Int32) -> Entry? {
        var place = history.partitioningIndex { $0.day > day } - 1
        guard place >= 0 else { return nil }
        while place > 0, history[place - 1].sameValue(as: history[place]) { place -= 1 }
        return history[place]
    }
}

/// A snapshot of a customer's subscriptions: there is one of each seller and day.
struct SnapshotPlace: Sendable, Hashable {
    /// Or `SellerKind.every`.
    var seller: SellerIndex
    var day: Int32
}

/// What a subscription adds to the figures of a SKU on a day.
enum LicenseCategory: UInt8 {
    case active, grace, suspended, trial
    /// Not sold with this SKU any more, but was on a day of the window: counts as uncounted with the quantity of the
    /// last such day.
    case lingering
}

/// Where a seller's licenses of a SKU are summed.
struct LicensePlace {
    var slot: Int32
    var seller: Int32
}

/// A change of one category's sums of one SKU and seller.
struct LicenseEvent {
    var day: Int32
    var place: LicensePlace
    var category: LicenseCategory
    var quantity: Int64
    /// +1 or −1 subscription.
    var subscriptions: Int32
}

extension Subscription {
    /// Appends the changes that the history makes, in no order.
    ///
    /// - Parameter placeOf: nil for a SKU whose licenses are not counted.
    func appendEvents(to events: inout [LicenseEvent], placeOf: (SkuIndex) -> LicensePlace?) {
        func interval(_ category: LicenseCategory, _ quantity: Int64, of sku: SkuIndex, from: Int32, until: Int32?) {
            guard let place = placeOf(sku) else { return }
            events.append(
                LicenseEvent(day: from, place: place, category: category, quantity: quantity, subscriptions: 1))
            guard let until else { return }
            events.append(
                LicenseEvent(day: until, place: place, category: category, quantity: -quantity, subscriptions: -1))
        }
        let reach = Int32(Day.windowReach)
        /// By the SKU that it was sold with, the last quantity and the first day without.
        var lingering: [SkuIndex: (quantity: Int64, from: Int32)] = [:]
        for (place, entry) in history.enumerated() {
            let until = place + 1 < history.count ? history[place + 1].day : nil
            if let category = entry.category {
                interval(category, entry.quantity, of: entry.sku, from: entry.day, until: until)
            }
            if place > 0, history[place - 1].isSold, !entry.isSold || history[place - 1].sku != entry.sku {
                // The last sold day is the one before this entry; it stays in the window for so many more days.
                lingering[history[place - 1].sku] = (history[place - 1].quantity, entry.day)
            }
            if entry.isSold, let left = lingering.removeValue(forKey: entry.sku) {
                interval(
                    .lingering, left.quantity, of: entry.sku, from: left.from, until: min(left.from &+ reach, entry.day)
                )
            }
        }
        for (sku, left) in lingering {
            interval(.lingering, left.quantity, of: sku, from: left.from, until: left.from &+ reach)
        }
    }
}

extension Subscription.Entry {
    /// Nil for what is never counted.
    fileprivate var category: LicenseCategory? {
        switch (trial, state) {
        case (false, .active): .active
        case (false, .grace): .grace
        case (false, .suspended): .suspended
        case (true, .active), (true, .grace): .trial
        default: nil
        }
    }
}
