import LicenseModel
import Tenancy

/// Puts every active user of one customer and subject into one class. Scans the users: the only way to know who of the
/// active holds what.
struct UserClasses {
    private let customer: Customer
    private let day: Int32
    private let row: Int?
    /// Slot of `figures.skus` that people of a set are charged to; −1 = holds nothing that covers the subject.
    private let targets: [Int]

    static func count(_ subject: Int, of customer: Customer, on day: Int32, catalog: SkuCatalog) -> UsageClasses {
        UserClasses(subject, of: customer, on: day, catalog: catalog).count()
    }

    private init(_ subject: Int, of customer: Customer, on day: Int32, catalog: SkuCatalog) {
        self.customer = customer
        self.day = day
        row = catalog.activityRow(of: subject)
        let bit: UInt16 = 1 << UInt16(subject)
        let chargeClass = customer.figures.skus.map { figures in
            let step = figures.steps.step(on: day) ?? LicenseStep(day: day)
            return step.entitled > 0 ? 0 : step.uncounted > 0 ? 1 : step.trial > 0 ? 2 : 3
        }
        var slotOfSku: [SkuIndex: Int] = [:]
        for (slot, figures) in customer.figures.skus.enumerated() { slotOfSku[figures.sku] = slot }
        targets = customer.people.sets.map { set in
            let slots = set.skus.filter { catalog.subjects(of: $0) & bit != 0 }.compactMap { slotOfSku[$0] }
            return slots.min { (chargeClass[$0], $0) < (chargeClass[$1], $1) } ?? -1
        }
    }

    private func count() -> UsageClasses {
        var classes = UsageClasses()
        guard let row else { return classes }
        var charged = [Int64](repeating: 0, count: customer.figures.skus.count)
        for person in 0..<customer.activity.personCount {
            guard customer.activity.isActive(person: person, row: row, inWindowEnding: day) else { continue }
            let target = targets[Int(customer.people.persons[person].set(on: day))]
            if target >= 0 {
                charged[target] += 1
            } else if heldInWindow(customer.people.persons[person]) {
                classes.turnover += 1
            } else {
                classes.unlicensed += 1
            }
        }
        for (slot, figures) in customer.figures.skus.enumerated() where charged[slot] > 0 {
            let step = figures.steps.step(on: day) ?? LicenseStep(day: day)
            var rest = charged[slot]
            func take(_ limit: Int64) -> Int64 {
                let taken = min(rest, limit)
                rest -= taken
                return taken
            }
            classes.entitled += take(step.entitled)
            classes.uncountedSubscription += take(step.uncounted)
            classes.trial += take(step.trial)
            classes.overAssigned += rest
        }
        return classes
    }

    /// Whether the person held something that covers the subject on a day of the window.
    private func heldInWindow(_ person: Person) -> Bool {
        let first = day &- 27
        var place = max(0, person.timeline.partitioningIndex { $0.day > first } - 1)
        while place < person.timeline.count, person.timeline[place].day <= day {
            if targets[Int(person.timeline[place].set)] >= 0 { return true }
            place += 1
        }
        return false
    }
}

extension UsageClasses {
    static func &+= (left: inout UsageClasses, right: UsageClasses) {
        left.entitled &+= right.entitled
        left.uncountedSubscription &+= right.uncountedSubscription
        left.trial &+= right.trial
        left.overAssigned &+= right.overAssigned
        left.turnover &+= right.turnover
        left.unlicensed &+= right.unlicensed
    }
}

extension PartnerBook {
    /// Why usage is what it is, for a customer or the portfolio; nil when the customer is not visible. The classes of a
    /// product are no sums over its workloads.
    public func explain(_ subject: UsageSubject, of id: CustomerID?, on day: Day?) -> ExplanationRow? {
        let place =
            switch subject {
            case .product(let product): Subject.of(product)
            case .workload(let workload): Subject.of(workload)
            }
        let reader = reader
        guard let id else {
            let day = day ?? defaultDay
            var row = ExplanationRow(asOf: day, usage: UsageRow(), classes: UsageClasses())
            forEachVisible(on: day.number) { served in
                let customer = state(of: served)
                row.usage &+= reader.usage(of: customer, subject: place, on: day.number)
                guard customer.hasActivity, customer.hasAssignments else { return }
                row.classes &+= UserClasses.count(place, of: customer, on: day.number, catalog: core.catalog)
            }
            return row
        }
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        let customer = state(of: served)
        var row = ExplanationRow(
            asOf: day, usage: reader.usage(of: customer, subject: place, on: day.number), classes: UsageClasses())
        if customer.hasActivity, customer.hasAssignments {
            row.classes = UserClasses.count(place, of: customer, on: day.number, catalog: core.catalog)
        }
        return row
    }
}
