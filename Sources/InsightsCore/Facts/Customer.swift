import LicenseModel
import Tenancy

/// A partner's place; sellers that are no registered partner have one too.
typealias PartnerIndex = Int32

struct Relationship: Sendable, Equatable {
    var partner: PartnerIndex
    var days: DaySpan
}

/// Support requests of one day.
struct SupportEntry: Sendable, Equatable {
    var day: Int32
    var category: SupportCategory
    var count: Int64
}

/// The facts about one customer and what is derived from them.
struct Customer: Sendable {
    let id: CustomerID
    var name = ""
    var market = ""
    /// In no order; identity is partner and start.
    var relationships: [Relationship] = []
    var coverage = CoverageRow()
    /// The subjects of which activity is reported, as bits: of a product, that in any workload of its SKUs. Follows
    /// `coverage` and the catalog.
    private(set) var reportedSubjects: UInt16 = 0
    /// By day, then category.
    var support: [SupportEntry] = []
    private(set) var subscriptionIndex: [SubscriptionID: Int] = [:]
    /// Also those that so far only snapshots name.
    var subscriptions: [Subscription] = []
    /// Days of snapshots of the subscriptions, by the seller that they are of.
    var subscriptionSnapshots: [SellerIndex: DaySet] = [:]
    var people = People()
    var activity = ActivityTable()
    /// Snapshots of who holds a SKU of which parts are missing.
    var parts = WaitingParts()
    var active = ActiveUsers()
    var figures = CustomerFigures()

    init(id: CustomerID) {
        self.id = id
    }

    /// Activity is that of the best workload.
    var reported: ReportedSources { ReportedSources(coverage) }

    /// What is reported for the figures of a subject.
    func reported(for subject: Int) -> ReportedSources {
        reportedSubjects & (1 << UInt16(subject)) != 0 ? reported : reported.subtracting(.activity)
    }

    mutating func updateReportedSubjects(_ catalog: SkuCatalog) {
        reportedSubjects = catalog.subjects(reportedBy: coverage.reportedWorkloads)
    }

    mutating func set(_ relationship: Relationship) {
        let place = relationships.firstIndex {
            $0.partner == relationship.partner && $0.days.start == relationship.days.start
        }
        let isEmpty = relationship.days.end <= relationship.days.start
        switch (place, isEmpty) {
        case (let place?, true): relationships.remove(at: place)
        case (let place?, false): relationships[place] = relationship
        case (nil, true): break
        case (nil, false): relationships.append(relationship)
        }
    }

    mutating func set(_ entry: SupportEntry) {
        func isBefore(_ other: SupportEntry) -> Bool {
            (other.day, other.category.rawValue) < (entry.day, entry.category.rawValue)
        }
        let place = support.partitioningIndex { !isBefore($0) }
        if place < support.count, support[place].day == entry.day, support[place].category == entry.category {
            support[place] = entry
        } else {
            support.insert(entry, at: place)
        }
    }

    /// The place of the subscription of that id, made when there is none.
    mutating func subscription(_ id: SubscriptionID) -> Int {
        if let known = subscriptionIndex[id] { return known }
        subscriptionIndex[id] = subscriptions.count
        subscriptions.append(Subscription(id: id))
        return subscriptions.count - 1
    }

    /// The person whom a fact of the moment means by the id, made when there is none.
    @inline(__always)
    mutating func person(_ id: UserID, at moment: Moment) -> Int {
        let person = people.person(id, at: moment)
        if person == activity.personCount { activity.addPerson() }
        return person
    }

    mutating func concealedPerson(_ id: UserID, at moment: Moment) -> Int {
        let person = people.concealedPerson(id, at: moment)
        if person == activity.personCount { activity.addPerson() }
        return person
    }

    /// Adds a person without looking for one of the same ids.
    mutating func append(_ person: Person) -> Int {
        activity.addPerson()
        return people.append(person)
    }

    /// Days in a workload and the unions that it feeds; the counts follow.
    ///
    /// - Parameters:
    ///   - isConcealed: whether the person is.
    ///   - epochs: gets the epoch of each day that was new, without repeating the last.
    mutating func addActivity(
        person: Int, isConcealed: Bool, row: Int, unionRows: [Int], days: [Day],
        change: inout CustomerChange.Activity, epochs: inout [Int32]
    ) {
        for day in days {
            guard addActivity(person: person, isConcealed: isConcealed, row: row, day: day.number, change: &change)
            else { continue }
            let epoch = day.number >> EpochDays.shift
            if epochs.last != epoch { epochs.append(epoch) }
            for union in unionRows {
                _ = addActivity(
                    person: person, isConcealed: isConcealed, row: union, day: day.number, change: &change)
            }
        }
    }

    /// Returns whether the day was new.
    @inline(__always)
    private mutating func addActivity(
        person: Int, isConcealed: Bool, row: Int, day: Int32, change: inout CustomerChange.Activity
    ) -> Bool {
        guard case .new(let first, let last) = activity.insert(person: person, row: row, day: day) else { return false }
        if first <= last {
            active.add(1, row: row, from: first, through: last, isConcealed: isConcealed)
            change.add(row: row, first: first, last: last)
        }
        return true
    }

    /// Takes the days of a named person out of the counts. The days themselves stay.
    mutating func uncountActivity(of person: Int, change: inout CustomerChange.Activity) {
        for row in 0..<ActivityTable.rowCount {
            let days = activity.days(person: person, row: row)
            var place = 0
            while place < days.count {
                let first = days[place]
                while place + 1 < days.count, days[place + 1] <= days[place] + Int32(Day.windowLength) { place += 1 }
                let last = days[place] + Int32(Day.windowReach)
                active.add(-1, row: row, from: first, through: last, isConcealed: false)
                change.add(row: row, first: first, last: last)
                place += 1
            }
        }
    }

    /// Makes the union rows anew, after the catalog changed what a product includes.
    mutating func rebuildUnions(_ unionRows: [[Int]]) {
        guard activity.personCount > 0 else { return }
        activity = activity.withoutUnions()
        for row in ActivityTable.firstUnionRow..<ActivityTable.rowCount { active.clear(row: row) }
        var change = CustomerChange.Activity.none
        for person in 0..<activity.personCount where people.persons[person].merge == nil {
            let isConcealed = people.persons[person].isConcealed
            for row in 0..<ActivityTable.firstUnionRow where !unionRows[row].isEmpty {
                for day in activity.days(person: person, row: row) {
                    for union in unionRows[row] {
                        _ = addActivity(
                            person: person, isConcealed: isConcealed, row: union, day: day, change: &change)
                    }
                }
            }
        }
    }

    /// Active people of a subject on a day.
    func activeCount(of subject: Int, on day: Int32, catalog: SkuCatalog) -> Int64 {
        guard let row = catalog.activityRow(of: subject) else { return 0 }
        return active[row][day]
    }

    /// Support requests of a category in the window.
    func supportRequests(_ category: SupportCategory, inWindowEnding day: Int32) -> Int64 {
        let start = support.partitioningIndex { $0.day > day &- Int32(Day.windowLength) }
        var sum: Int64 = 0
        for entry in support[start...] {
            if entry.day > day { break }
            if entry.category == category { sum &+= entry.count }
        }
        return sum
    }
}
