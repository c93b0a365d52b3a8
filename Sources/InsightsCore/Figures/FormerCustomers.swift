import LicenseModel
import Tenancy

/// What customers add to a partner's sums whom it does not serve as of a day, so that a read takes off sums and does
/// not visit those customers.
struct FormerSums: Sendable {
    /// The day as of which `sums` tells; nil before the first.
    fileprivate(set) var today: Int32?
    fileprivate var sums = PartnerSums()

    /// Nil when what is asked for is another day: then the customers have to be visited.
    func asOf(_ day: Int32) -> PartnerSums? { today == day ? sums : nil }

    /// Takes off what a customer was and adds what it is.
    mutating func exchange(_ old: Customer, for new: Customer, partner: PartnerIndex, change: CustomerChange) {
        guard let today else { return }
        let was = old.isFormer(of: partner, on: today)
        let isNow = new.isFormer(of: partner, on: today)
        guard was || isNow else { return }
        sums.exchange(
            was ? old : Customer(id: old.id), for: isNow ? new : Customer(id: new.id), partner: partner, change: change)
    }
}

extension Customer {
    /// Whether the partner serves the customer on some day, and not on this one.
    fileprivate func isFormer(of partner: PartnerIndex, on day: Int32) -> Bool {
        var isServed = false
        for relationship in relationships where relationship.partner == partner {
            if relationship.days.contains(day) { return false }
            isServed = true
        }
        return isServed
    }
}

extension InsightsCore {
    /// The day for which `prepare` was last called; nil before.
    public var preparedDay: Day? { today.map(Day.init(number:)) }

    /// Sorts out whom every partner serves no more as of `today`. Reads of that day are quick from then on, whatever
    /// changes; those of other days visit the former customers, with the same figures. Does nothing a second time.
    public mutating func prepare(today day: Day) {
        if today == day.number { return }
        today = day.number
        for place in 0..<partners.count { prepare(partner: place, today: day.number) }
    }

    private mutating func prepare(partner place: Int, today: Int32) {
        let before = partners[place].value.former.today
        var moved: [(customer: Int32, isFormer: Bool)] = []
        partners[place].value.forEachCustomer { links in
            guard let first = links.first else { return }
            let was = before.map { !links.cover($0) } ?? false
            let isNow = !links.cover(today)
            if was != isNow { moved.append((first.customer, isNow)) }
        }
        let partner = PartnerIndex(truncatingIfNeeded: place)
        for (customer, isFormer) in moved {
            let whole = customers[Int(customer)].value
            let nothing = Customer(id: whole.id)
            partners[place].value.former.sums.exchange(
                isFormer ? nothing : whole, for: isFormer ? whole : nothing, partner: partner,
                change: CustomerChange(customer: customer))
        }
        partners[place].value.former.today = today
    }

    /// A partner that nothing is known of is prepared like all others.
    mutating func prepareNewPartner(at place: Int) { partners[place].value.former.today = today }
}
