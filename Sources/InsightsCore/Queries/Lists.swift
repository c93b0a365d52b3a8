import LicenseModel
import Tenancy

extension PartnerBook {
    /// The partner's own subscriptions of a customer with an entry on or before the day, in any state, by id; nil when
    /// the customer is not visible. `fact.effective` is the first day since which all that the row shows holds.
    public func subscriptions(of id: CustomerID, on day: Day?) -> (asOf: Day, rows: [SubscriptionRow])? {
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        let customer = state(of: served).value
        var rows: [SubscriptionRow] = []
        for subscription in customer.subscriptions where subscription.seller == partner {
            guard let entry = subscription.value(on: day.number) else { continue }
            rows.append(
                SubscriptionRow(
                    fact: core.fact(of: subscription, entry, customer: customer.id),
                    skuName: core.catalog[entry.sku].name))
        }
        rows.sort { $0.fact.subscription < $1.fact.subscription }
        return (day, rows)
    }

    /// Who holds a license on the day (with a workload: one that covers it), by id; nil when the customer is not
    /// visible. Erased and concealed people are never listed, nor merged ones beside those who they are.
    ///
    /// Active means: in the window, in any workload of a covered product, or in the named one.
    public func licensedUsers(
        of id: CustomerID, on day: Day?, activity: ActivityFilter, workload: Workload?
    ) -> (asOf: Day, rows: [LicensedUserRow])? {
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        let customer = state(of: served).value
        let catalog = core.catalog
        let lists = customer.people.sets.map { set in
            guard let workload else { return !set.skus.isEmpty }
            return set.skus.contains { catalog.subjects(of: $0) & (1 << UInt16(Subject.of(workload))) != 0 }
        }
        let watched = workload.map { [$0] } ?? catalog.coveredWorkloads.workloads
        var rows: [LicensedUserRow] = []
        for person in 0..<customer.people.persons.count {
            let record = customer.people.persons[person]
            let set = Int(record.set(on: day.number))
            guard lists[set], !record.isErased else { continue }
            if activity != .any {
                let isActive = watched.contains {
                    customer.activity.isActive(person: person, row: Subject.of($0), inWindowEnding: day.number)
                }
                guard isActive == (activity == .active) else { continue }
            }
            rows.append(row(record, person: person, set: set, of: customer, on: day.number))
        }
        rows.sort { $0.user < $1.user }
        return (day, rows)
    }

    private func row(
        _ record: Person, person: Int, set: Int, of customer: Customer, on day: Int32
    ) -> LicensedUserRow {
        var row = LicensedUserRow(
            user: record.id, principalName: record.principalName, displayName: record.name,
            skus: customer.people.sets[set].skus.map { core.catalog[$0].id }.sorted(), workloads: [], days: [])
        for workload in Workload.allCases {
            let last = customer.activity.lastActive(person: person, row: Subject.of(workload), onOrBefore: day)
            guard let last else { continue }
            row.workloads.append(workload)
            row.days.append(Day(number: last))
        }
        return row
    }
}
