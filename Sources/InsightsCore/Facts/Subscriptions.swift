import LicenseModel
import Tenancy

/// Who sold, as one number: a partner's place, or one of the two kinds below.
typealias SellerIndex = Int32

enum SellerKind {
    static let direct: SellerIndex = -1
    static let unknown: SellerIndex = -2
}

/// One subscription of a customer: its value on a day is that of the last entry at or before the day.
struct Subscription: Sendable {
    struct Entry: Sendable {
        var day: Int32
        var quantity: Int64
        var state: SubscriptionState
        var trial: Bool
        var termEnd: Day?
        var autoRenew: Bool

        /// Equal but for the day.
        func sameValue(as other: Entry) -> Bool {
            quantity == other.quantity && state == other.state && trial == other.trial && termEnd == other.termEnd
                && autoRenew == other.autoRenew
        }

        /// In *sold*, and a day on which *uncounted* may look back to.
        var isSold: Bool { !trial && state != .deprovisioned }
    }

    let id: SubscriptionID
    let sku: SkuIndex
    let seller: SellerIndex
    /// By day.
    private(set) var entries: [Entry] = []

    init(id: SubscriptionID, sku: SkuIndex, seller: SellerIndex) {
        self.id = id
        self.sku = sku
        self.seller = seller
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

    func entry(on day: Int32) -> Entry? {
        let place = entries.partitioningIndex { $0.day > day }
        return place == 0 ? nil : entries[place - 1]
    }

    /// The entry of a day, dated back to the first day since which all that it says holds: downloads that found nothing
    /// new repeat the entry before.
    func value(on day: Int32) -> Entry? {
        var place = entries.partitioningIndex { $0.day > day } - 1
        guard place >= 0 else { return nil }
        while place > 0, entries[place - 1].sameValue(as: entries[place]) { place -= 1 }
        return entries[place]
    }
}

/// What a subscription adds to the figures of its SKU on a day.
enum LicenseCategory: UInt8 {
    case active, grace, suspended, trial
    /// Not sold any more, but was on a day of the window: counts as uncounted with the quantity of the last such day.
    case lingering
}

/// A change of one category's sums of one SKU and seller.
struct LicenseEvent {
    var day: Int32
    var slot: Int32
    var seller: Int32
    var category: LicenseCategory
    var quantity: Int64
    /// +1 or −1 subscription.
    var subscriptions: Int32
}

extension Subscription {
    /// Appends the changes that the history makes, in no order.
    func appendEvents(slot: Int32, seller: Int32, to events: inout [LicenseEvent]) {
        func interval(_ category: LicenseCategory, _ quantity: Int64, from: Int32, until: Int32?) {
            events.append(
                LicenseEvent(
                    day: from, slot: slot, seller: seller, category: category, quantity: quantity, subscriptions: 1))
            guard let until else { return }
            events.append(
                LicenseEvent(
                    day: until, slot: slot, seller: seller, category: category, quantity: -quantity, subscriptions: -1))
        }
        let reach = Int32(Day.windowReach)
        var lingering: (quantity: Int64, from: Int32)?
        for (place, entry) in entries.enumerated() {
            let until = place + 1 < entries.count ? entries[place + 1].day : nil
            switch (entry.trial, entry.state) {
            case (false, .active): interval(.active, entry.quantity, from: entry.day, until: until)
            case (false, .grace): interval(.grace, entry.quantity, from: entry.day, until: until)
            case (false, .suspended): interval(.suspended, entry.quantity, from: entry.day, until: until)
            case (true, .active), (true, .grace): interval(.trial, entry.quantity, from: entry.day, until: until)
            default: break
            }
            if entry.isSold {
                if let left = lingering {
                    interval(.lingering, left.quantity, from: left.from, until: min(left.from &+ reach, entry.day))
                }
                lingering = nil
            } else if place > 0, entries[place - 1].isSold {
                // The last sold day is the one before this entry; it stays in the window for so many more days.
                lingering = (entries[place - 1].quantity, entry.day)
            }
        }
        if let left = lingering {
            interval(.lingering, left.quantity, from: left.from, until: left.from &+ reach)
        }
    }
}
