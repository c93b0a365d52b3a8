import LicenseModel
import Tenancy

/// The classes of one customer's active users on one day, for every subject.
public struct SubjectClasses: Sendable {
    enum Class: Int, CaseIterable {
        case entitled, uncountedSubscription, trial, overAssigned, turnover, unlicensed, free, unidentified
    }

    /// A count per subject and class; people of one customer, so 32 bits are enough.
    typealias Counts = InlineArray<72, Int32>

    @inline(__always) private static var classCount: Int { Class.unidentified.rawValue + 1 }
    private var counts = Counts(repeating: 0)

    fileprivate mutating func add(_ users: Int64, to userClass: Class, of subject: Int) {
        counts[subject &* Self.classCount &+ userClass.rawValue] &+= Int32(truncatingIfNeeded: users)
    }

    subscript(subject: Int) -> UsageClasses {
        func count(_ userClass: Class) -> Int64 { Int64(counts[subject &* Self.classCount &+ userClass.rawValue]) }
        var classes = UsageClasses()
        classes.entitled = count(.entitled)
        classes.uncountedSubscription = count(.uncountedSubscription)
        classes.trial = count(.trial)
        classes.overAssigned = count(.overAssigned)
        classes.turnover = count(.turnover)
        classes.unlicensed = count(.unlicensed)
        classes.free = count(.free)
        classes.unidentified = count(.unidentified)
        return classes
    }
}

/// Puts every active user of one customer into one class per subject. Scans the users: the only way to know who of the
/// active holds what.
struct UserClasses {
    private let day: Int32
    /// Row of the activity table per subject; −1 = nobody can be active, or it is not reported.
    private let rows: [Int]
    /// Per set and subject the slot of `figures.skus` that people are charged to; −1 = nothing covers the subject.
    private let targets: [Int32]

    /// Of a subject all zero unless all three sources are reported for it.
    static func count(_ customer: Customer, on day: Int32, catalog: SkuCatalog) -> SubjectClasses {
        guard customer.reported.tellUsage else { return SubjectClasses() }
        let users = UserClasses(customer, on: day, catalog: catalog)
        var classes = users.count(customer, catalog)
        for subject in 0..<Subject.count where users.rows[subject] >= 0 {
            let active = customer.activeCount(of: subject, on: day, catalog: catalog)
            classes.add(active &- classes[subject].sum, to: .unidentified, of: subject)
        }
        return classes
    }

    private init(_ customer: Customer, on day: Int32, catalog: SkuCatalog) {
        self.day = day
        rows = (0..<Subject.count).map {
            customer.reported(for: $0).tellUsage ? catalog.activityRow(of: $0) ?? -1 : -1
        }
        // Slots in the order in which people are charged to them.
        let skus = customer.figures.skus
        let chargeClass = skus.map { figures in
            let step = figures.steps.step(on: day) ?? LicenseStep(day: day)
            if catalog.isFree(figures.sku) { return 4 }
            return step.entitled > 0 ? 0 : step.uncounted > 0 ? 1 : step.trial > 0 ? 2 : 3
        }
        let order = skus.indices.sorted { (chargeClass[$0], $0) < (chargeClass[$1], $1) }
        var rankOfSku: [SkuIndex: Int] = [:]
        for (rank, slot) in order.enumerated() { rankOfSku[skus[slot].sku] = rank }
        var targets = [Int32](repeating: -1, count: customer.people.sets.count * Subject.count)
        for (set, held) in customer.people.sets.enumerated() {
            for rank in held.skus.compactMap({ rankOfSku[$0] }).sorted() {
                let slot = order[rank]
                let subjects = catalog.subjects(of: skus[slot].sku)
                for subject in 0..<Subject.count
                where subjects & (1 << UInt16(subject)) != 0 && targets[set * Subject.count + subject] < 0 {
                    targets[set * Subject.count + subject] = Int32(truncatingIfNeeded: slot)
                }
            }
        }
        self.targets = targets
    }

    private func count(_ customer: Customer, _ catalog: SkuCatalog) -> SubjectClasses {
        var classes = SubjectClasses()
        // Per slot and subject.
        var charged = [Int64](repeating: 0, count: customer.figures.skus.count * Subject.count)
        for person in 0..<customer.activity.personCount {
            // −1: none of the named people, or somebody who turned out to be another of them.
            var set: Int?
            for subject in 0..<Subject.count where rows[subject] >= 0 {
                guard customer.activity.isActive(person: person, row: rows[subject], inWindowEnding: day) else {
                    continue
                }
                let held = set ?? Self.set(of: customer.people.persons[person], on: day)
                set = held
                if held < 0 { break }
                let target = Int(targets[held * Subject.count + subject])
                if target >= 0 {
                    charged[target * Subject.count + subject] += 1
                } else if heldInWindow(customer.people.persons[person], subject) {
                    classes.add(1, to: .turnover, of: subject)
                } else {
                    classes.add(1, to: .unlicensed, of: subject)
                }
            }
        }
        for (slot, figures) in customer.figures.skus.enumerated() {
            let step = figures.steps.step(on: day) ?? LicenseStep(day: day)
            for subject in 0..<Subject.count {
                var rest = charged[slot * Subject.count + subject]
                func take(_ limit: Int64, as userClass: SubjectClasses.Class) {
                    let taken = min(rest, limit)
                    rest -= taken
                    classes.add(taken, to: userClass, of: subject)
                }
                take(step.entitled, as: .entitled)
                take(step.uncounted, as: .uncountedSubscription)
                take(step.trial, as: .trial)
                classes.add(rest, to: catalog.isFree(figures.sku) ? .free : .overAssigned, of: subject)
            }
        }
        return classes
    }

    private static func set(of person: Person, on day: Int32) -> Int {
        person.isConcealed || person.merge != nil ? -1 : Int(person.set(on: day))
    }

    /// Whether the person held something that covers the subject on a day of the window.
    private func heldInWindow(_ person: Person, _ subject: Int) -> Bool {
        let first = day &- Int32(Day.windowReach)
        var place = max(0, person.timeline.partitioningIndex { $0.day > first } - 1)
        while place < person.timeline.count, person.timeline[place].day <= day {
            if targets[Int(person.timeline[place].set) * Subject.count + subject] >= 0 { return true }
            place += 1
        }
        return false
    }
}

/// The classes of every customer that a partner sees on a day: about 310 bytes a customer.
public typealias DayClasses = DayColumn<SubjectClasses>

extension UsageClasses {
    static func &+= (left: inout UsageClasses, right: UsageClasses) {
        left.entitled &+= right.entitled
        left.uncountedSubscription &+= right.uncountedSubscription
        left.trial &+= right.trial
        left.overAssigned &+= right.overAssigned
        left.turnover &+= right.turnover
        left.unlicensed &+= right.unlicensed
        left.free &+= right.free
        left.unidentified &+= right.unidentified
    }
}

extension UsageSubject {
    fileprivate var place: Int {
        switch self {
        case .product(let product): Subject.of(product)
        case .workload(let workload): Subject.of(workload)
        }
    }
}

extension PartnerBook {
    /// The classes of every customer visible on the day and today; `known` saves those of customers that are unchanged.
    public func dayClasses(on day: Day, reusing known: DayClasses? = nil) -> DayClasses {
        column(on: day, reusing: known) { _, customer in
            UserClasses.count(customer.value, on: day.number, catalog: core.catalog)
        }
    }

    /// Why usage is what it is in the portfolio. The classes of a product are no sums over its workloads.
    ///
    /// - Parameter classes: of this book, from `dayClasses`.
    public func explain(_ subject: UsageSubject, classes: DayClasses) -> ExplanationRow {
        let classes = dayClasses(on: classes.day, reusing: classes)
        var row = ExplanationRow(
            asOf: classes.day, usage: sums(on: classes.day.number).usage[subject.place],
            classes: UsageClasses())
        classes.entries.forEach { row.classes &+= $1.value[subject.place] }
        return row
    }

    /// Why usage is what it is, for a customer or (nil) the portfolio; nil when the customer is not visible.
    public func explain(_ subject: UsageSubject, of id: CustomerID?, on day: Day?) -> ExplanationRow? {
        guard let id else { return explain(subject, classes: dayClasses(on: day ?? defaultDay)) }
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        let customer = state(of: served).value
        return ExplanationRow(
            asOf: day, usage: reader.usage(of: customer, subject: subject.place, on: day.number),
            classes: UserClasses.count(customer, on: day.number, catalog: core.catalog)[subject.place])
    }
}
