import LicenseModel
import Tenancy

/// One value for each customer that a partner sees on a day, by customer id, kept to be read again.
///
/// Made by a `PartnerBook`, which takes over from an earlier column the values of the customers whose facts are still
/// the same: after a batch, only the customers that it touched cost anything. Values are numbers and never facts about
/// people; a column holds on to no customer, so that nobody who was erased lives on in one.
public struct DayColumn<Value: Sendable>: Sendable {
    struct Entry: Sendable {
        let customer: Int32
        /// Of `InsightsCore.customerRevisions`: what the value was made of.
        let revision: Revision
        let value: Value
    }

    public let day: Day
    let partner: PartnerID
    /// Whom the partner sees depends on today, a value does not.
    var today: Day
    var revision: Revision
    /// `Partner.relationshipsChanged`: with the same today, the same customers are visible.
    var relationships: Revision
    /// `SkuCatalog.coverageChanged`: with another, no value is worth anything.
    let coverage: Revision
    var entries = SharedVector<Entry>()

    /// The number of customers visible on the day and today.
    public var count: Int { entries.count }

    /// About how much memory the entries take.
    public var bytes: Int { entries.count * MemoryLayout<Entry>.stride }
}

extension PartnerBook {
    public var partnerID: PartnerID { scope.partner }
    public var reach: LicenseReach { scope.reach }

    /// The column of a day. `make` gets the place in the column and the customer; nothing but the day, the partner, the
    /// catalog's coverage and that customer's facts may decide what it returns. A column of another partner or day is
    /// no help; one of an earlier or later revision is, as far as it goes.
    func column<Value>(
        on day: Day, reusing known: DayColumn<Value>?, make: (_ index: Int, _ customer: Frozen<Customer>) -> Value
    ) -> DayColumn<Value> {
        let relationships = partner.map { core.partners[Int($0)].value.relationshipsChanged } ?? .none
        guard let known, known.partner == partnerID, known.day == day, known.coverage == core.catalog.coverageChanged
        else {
            return merged(
                DayColumn(
                    day: day, partner: partnerID, today: today, revision: revision, relationships: relationships,
                    coverage: core.catalog.coverageChanged),
                make: make)
        }
        var column = known
        column.today = today
        column.revision = revision
        column.relationships = relationships
        if known.today != today || known.relationships != relationships { return merged(column, make: make) }
        if known.revision != revision { refresh(&column, make: make) }
        return column
    }

    /// The same customers as before; the values of changed ones are made anew.
    private func refresh<Value>(_ column: inout DayColumn<Value>, make: (Int, Frozen<Customer>) -> Value) {
        var changed: [Int] = []
        column.entries.forEach { index, entry in
            if core.customerRevisions[Int(entry.customer)] != entry.revision { changed.append(index) }
        }
        for index in changed {
            column.entries[index] = entry(column.entries[index].customer, at: index, make: make)
        }
    }

    /// Other customers than before: walks them and the column side by side, both by id.
    private func merged<Value>(_ known: DayColumn<Value>, make: (Int, Frozen<Customer>) -> Value) -> DayColumn<Value> {
        var column = known
        column.entries = SharedVector()
        var place = 0
        forEachVisible(on: known.day.number) { served in
            let index = column.entries.count
            let id = core.customers[Int(served.customer)].value.id
            while place < known.count, stands(known.entries[place].customer, before: id) { place += 1 }
            if place < known.count, known.entries[place].customer == served.customer,
                known.entries[place].revision == core.customerRevisions[Int(served.customer)]
            {
                column.entries.append(known.entries[place])
            } else {
                column.entries.append(entry(served.customer, at: index, make: make))
            }
        }
        return column
    }

    /// Also when the column is of a later revision and this one does not have the customer yet.
    private func stands(_ customer: Int32, before id: CustomerID) -> Bool {
        Int(customer) >= core.customers.count || core.customers[Int(customer)].value.id < id
    }

    @inline(__always)
    private func entry<Value>(
        _ customer: Int32, at index: Int, make: (Int, Frozen<Customer>) -> Value
    ) -> DayColumn<Value>.Entry {
        DayColumn.Entry(
            customer: customer, revision: core.customerRevisions[Int(customer)],
            value: make(index, core.customers[Int(customer)]))
    }

    /// The customer of an entry.
    func customer<Value>(at index: Int, of column: DayColumn<Value>) -> Frozen<Customer> {
        core.customers[Int(column.entries[index].customer)]
    }

    /// How many customers of the column have a smaller id; with `orEqual` also the customer itself.
    func rank<Value>(of id: CustomerID, in column: DayColumn<Value>, orEqual: Bool) -> Int {
        var (start, end) = (0, column.count)
        while start < end {
            let middle = (start + end) / 2
            let other = customer(at: middle, of: column).value.id
            if other < id || (orEqual && other == id) { start = middle + 1 } else { end = middle }
        }
        return start
    }
}
