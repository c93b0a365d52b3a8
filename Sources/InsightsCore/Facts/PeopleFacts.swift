import LicenseModel
import Tenancy

/// What facts say about people. An id in a fact means the person who has it at the moment of the fact; what is told
/// about somebody who turned out to be another person goes to that one.
extension InsightsCore {
    mutating func apply(
        _ fact: ActivityFact, to customer: inout Customer, change: inout CustomerChange, unionRows: [[Int]]
    ) {
        let known = customer.people.persons.count
        let person =
            fact.isConcealed
            ? customer.concealedPerson(fact.user, at: change.moment) : customer.person(fact.user, at: change.moment)
        if person == known { dirty.mark(person: person, of: change.customer) }
        addActivity(
            fact.days, person: person, isConcealed: fact.isConcealed, row: Int(fact.workload.rawValue), to: &customer,
            change: &change, unionRows: unionRows)
    }

    private mutating func addActivity(
        _ days: [Day], person: Int, isConcealed: Bool, row: Int, to customer: inout Customer,
        change: inout CustomerChange, unionRows: [[Int]]
    ) {
        change.epochs.removeAll(keepingCapacity: true)
        customer.addActivity(
            person: person, isConcealed: isConcealed, row: row, unionRows: unionRows[row], days: days,
            change: &change.activity, epochs: &change.epochs)
        for epoch in change.epochs { dirty.mark(person: person, epoch: epoch, of: change.customer) }
    }

    mutating func apply(_ fact: AssignmentFact, to customer: inout Customer, change: inout CustomerChange) {
        let person = customer.person(fact.user, at: change.moment)
        let holding = customer.people.holding(of: intern(fact.sku, &change), person: person)
        customer.people.persons[person].holdings[holding].set(DaySpan(fact.days), told: change.moment)
        change.people.insert(person)
        dirty.mark(person: person, of: change.customer)
    }

    // MARK: Who is who

    mutating func apply(
        _ fact: UserFact, to customer: inout Customer, change: inout CustomerChange, unionRows: [[Int]]
    ) {
        let moment = change.moment
        let current = customer.person(fact.user, at: moment)
        // As it was known then: a log that is replayed over newer rows gives ids to the same people again.
        let person = customer.people.find(fact.user, asOf: moment) ?? current
        for id in fact.aliases {
            give(id, to: person, of: &customer, change: &change, unionRows: unionRows)
        }
        if let id = fact.principalName {
            give(id, to: person, of: &customer, change: &change, unionRows: unionRows)
        }
        let named = customer.people.root(of: person)
        customer.people.persons[named].name = fact.displayName
        if let id = fact.principalName, customer.people.persons[named].principalTold <= moment {
            customer.people.persons[named].principalName = customer.people.find(id) == named ? id : nil
            customer.people.persons[named].principalTold = moment
        }
        dirty.mark(person: named, of: change.customer)
    }

    /// The id means the person from the moment of the fact on. Somebody whose main id it is turns out to be the person.
    private mutating func give(
        _ id: UserID, to person: Int, of customer: inout Customer, change: inout CustomerChange, unionRows: [[Int]]
    ) {
        let moment = change.moment
        let owner = customer.people.find(id, asOf: moment)
        if let owner, owner != person, customer.people.persons[owner].id == id {
            merge(
                owner, as: PersonMerge(into: Int32(truncatingIfNeeded: person), at: moment), of: &customer,
                change: &change, unionRows: unionRows)
            return
        }
        if owner != person {
            customer.people.give(id, to: person, at: moment)
            dirty.mark(person: person, of: change.customer)
        }
        if let other = customer.people.takePrincipalName(id, at: moment, for: person) {
            dirty.mark(person: other, of: change.customer)
        }
    }

    /// A person who turned out to be another: what either of them did and holds is what the other does, as if it had
    /// always been known.
    mutating func merge(
        _ person: Int, as merge: PersonMerge, of customer: inout Customer, change: inout CustomerChange,
        unionRows: [[Int]]
    ) {
        let target = customer.people.root(of: Int(merge.into))
        guard target != person, customer.people.persons[person].merge == nil else { return }
        customer.uncountActivity(of: person, change: &change.activity)
        customer.people.merge(person, into: target, as: merge)
        for row in 0..<ActivityTable.firstUnionRow {
            let days = customer.activity.days(person: person, row: row)
            if days.isEmpty { continue }
            addActivity(
                days.map(Day.init(number:)), person: target, isConcealed: false, row: row, to: &customer,
                change: &change, unionRows: unionRows)
            change.mergedRows += 1 + unionRows[row].count + change.epochs.count
        }
        change.people.insert(person)
        change.people.insert(target)
        change.effects.peopleMerged += 1
        change.mergedRows += 2
        dirty.mark(person: person, of: change.customer)
        dirty.mark(person: target, of: change.customer)
    }

    // MARK: Snapshots

    mutating func apply(_ fact: AssignmentSnapshotFact, to customer: inout Customer, change: inout CustomerChange) {
        let snapshot = HolderSnapshot(sku: intern(fact.sku, &change), day: fact.day.number)
        let moment = change.moment
        if customer.parts.isSettled(snapshot, at: moment) { return }
        var changed: Set<Int32> = []
        defer { for slot in changed { dirty.mark(part: slot, of: change.customer) } }
        guard let part = fact.part else {
            customer.parts.settle(snapshot, at: moment, before: moment, changed: &changed)
            apply(snapshot, naming: fact.users, to: &customer, change: &change)
            return
        }
        let waiting = WaitingPart(snapshot: snapshot, part: part, told: moment, users: fact.users)
        // Rows of a bucket are never older than what is replayed over them, and slots the same in every core.
        let settled = foldsInBuckets ? Revision(number: .max) : foldedThrough
        let users = customer.parts.add(waiting, foldedThrough: settled, changed: &changed)
        if let users { apply(snapshot, naming: users, to: &customer, change: &change) }
    }

    /// Sets who is named on the day; only people whom that concerns get a new timeline.
    private mutating func apply(
        _ snapshot: HolderSnapshot, naming users: [UserID], to customer: inout Customer, change: inout CustomerChange
    ) {
        let (sku, day) = (snapshot.sku, snapshot.day)
        dirty.mark(customer: change.customer)
        let isNew = customer.people.members[sku, default: SkuMembers()].snapshots.insert(day)
        var named: Set<Int32> = []
        for user in users {
            let person = customer.person(user, at: change.moment)
            _ = customer.people.holding(of: sku, person: person)
            named.insert(Int32(truncatingIfNeeded: person))
        }
        for member in customer.people.members[sku]?.people ?? [] {
            let person = Int(member)
            if customer.people.persons[person].merge != nil {
                forget(day, of: sku, person: person, in: &customer, change)
                continue
            }
            let place = customer.people.holding(of: sku, person: person)
            let isNamed = named.contains(member)
            let wasNamed = !isNew && customer.people.persons[person].holdings[place].named.contains(day)
            if isNamed != wasNamed {
                if isNamed {
                    customer.people.persons[person].holdings[place].named.insert(day)
                } else {
                    customer.people.persons[person].holdings[place].named.remove(day)
                }
                dirty.mark(person: person, of: change.customer)
            }
            if change.people.contains(person) { continue }
            // A first snapshot of a day that confirms what is known for the day changes no span.
            let set = customer.people.persons[person].set(on: day)
            let holds = customer.people.sets[Int(set)].skus.contains(sku)
            if isNew ? holds != isNamed : isNamed != wasNamed { change.people.insert(person) }
        }
    }

    /// What a merged person's row says about a snapshot day that was replaced would come back at the next start.
    private mutating func forget(
        _ day: Int32, of sku: SkuIndex, person: Int, in customer: inout Customer, _ change: CustomerChange
    ) {
        let place = customer.people.holding(of: sku, person: person)
        guard customer.people.persons[person].holdings[place].named.contains(day) else { return }
        customer.people.persons[person].holdings[place].named.remove(day)
        dirty.mark(person: person, of: change.customer)
    }
}
