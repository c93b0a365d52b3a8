import LicenseModel
import Tenancy

/// Makes a customer's step functions by one sweep over the days on which something changes.
///
/// Only days from `first` on are made anew: facts about a day change nothing before it. Sums of each category, of
/// people per set of SKUs and of people charged per subject and SKU are carried along, so that the cost is that of the
/// changes, whatever the number of users.
struct LicenseSweep {
    private let catalog: SkuCatalog
    private let first: Int32

    /// Sums of one seller's subscriptions of one SKU.
    private struct SellerSums {
        var active: Int64 = 0
        var grace: Int64 = 0
        var suspended: Int64 = 0
        var trial: Int64 = 0
    }

    private struct Slot {
        let sku: SkuIndex
        var sellers: [SellerSums]
        /// Non-trial subscriptions in `ACTIVE` of every seller, whatever their quantity: one suppresses grace.
        var activeSubscriptions: Int32 = 0
        var lingering: Int64 = 0
        var current = LicenseStep(day: 0)
        /// Subjects that count the SKU, as bits.
        var subjects: UInt16
        /// Sets that contain the SKU.
        var sets: [Int] = []
        var isTouched = false
        var sellersTouched = false
    }

    private struct SetEvent {
        var day: Int32
        var set: Int
        var people: Int64
    }

    private var slots: [Slot] = []
    /// People who hold exactly the set, and the set's slots in the order of the SKU ids.
    private var setPeople: [Int64] = []
    private var setSlots: [[Int]] = []
    /// Per subject and set the slot with entitled licenses that its people are charged to, −1 = none.
    private var targets: [[Int]] = []
    /// Per subject and slot the people charged.
    private var charged: [[Int64]] = []
    private var totals: [UsageStep]
    private var touched: [Int] = []

    /// Brings `customer.figures` up to date from `first` on.
    static func update(_ customer: inout Customer, catalog: SkuCatalog, from first: Int32) {
        var sweep = LicenseSweep(catalog: catalog, first: max(first, 0))
        sweep.run(&customer)
    }

    private init(catalog: SkuCatalog, first: Int32) {
        self.catalog = catalog
        self.first = first
        totals = [UsageStep](repeating: UsageStep(day: first), count: Subject.count)
    }

    private mutating func run(_ customer: inout Customer) {
        makeSlots(&customer)
        var licenseEvents: [LicenseEvent] = []
        appendLicenseEvents(of: customer, to: &licenseEvents)
        let setEvents = makeSets(customer)
        truncate(&customer.figures)
        licenseEvents.sort { $0.day < $1.day }

        var place = 0
        while place < licenseEvents.count, licenseEvents[place].day <= first {
            apply(licenseEvents[place])
            place += 1
        }
        start()
        emit(first, into: &customer.figures, all: true)

        var setPlace = 0
        while place < licenseEvents.count || setPlace < setEvents.count {
            let day = min(
                place < licenseEvents.count ? licenseEvents[place].day : Int32.max,
                setPlace < setEvents.count ? setEvents[setPlace].day : Int32.max)
            while setPlace < setEvents.count, setEvents[setPlace].day == day {
                apply(setEvents[setPlace])
                setPlace += 1
            }
            while place < licenseEvents.count, licenseEvents[place].day == day {
                apply(licenseEvents[place])
                place += 1
            }
            emit(day, into: &customer.figures, all: false)
        }
    }

    // MARK: What there is

    /// One slot per SKU that the customer has a subscription or a holding of, in the order of the ids.
    private mutating func makeSlots(_ customer: inout Customer) {
        var known = Set(customer.figures.skus.map(\.sku))
        func add(_ sku: SkuIndex, _ figures: inout CustomerFigures) {
            guard known.insert(sku).inserted else { return }
            let place = figures.skus.partitioningIndex { catalog[$0.sku].id > catalog[sku].id }
            figures.skus.insert(SkuFigures(sku: sku), at: place)
        }
        for subscription in customer.subscriptions { add(subscription.sku, &customer.figures) }
        for sku in customer.people.members.keys { add(sku, &customer.figures) }
        var slotOfSku: [SkuIndex: Int] = [:]
        for (slot, figures) in customer.figures.skus.enumerated() { slotOfSku[figures.sku] = slot }
        for subscription in customer.subscriptions {
            guard let slot = slotOfSku[subscription.sku] else { continue }
            if !customer.figures.skus[slot].sellers.contains(where: { $0.seller == subscription.seller }) {
                customer.figures.skus[slot].sellers.append(SellerFigures(seller: subscription.seller))
            }
        }
        slots = customer.figures.skus.map {
            Slot(
                sku: $0.sku, sellers: Array(repeating: SellerSums(), count: $0.sellers.count),
                subjects: catalog.subjects(of: $0.sku))
        }
        setSlots = customer.people.sets.map { $0.skus.compactMap { slotOfSku[$0] }.sorted() }
        for (set, members) in setSlots.enumerated() {
            for slot in members { slots[slot].sets.append(set) }
        }
    }

    private func appendLicenseEvents(of customer: Customer, to events: inout [LicenseEvent]) {
        var slotOfSku: [SkuIndex: Int] = [:]
        for (slot, figures) in customer.figures.skus.enumerated() { slotOfSku[figures.sku] = slot }
        for subscription in customer.subscriptions {
            guard let slot = slotOfSku[subscription.sku],
                let seller = customer.figures.skus[slot].sellers.firstIndex(where: {
                    $0.seller == subscription.seller
                })
            else { continue }
            subscription.appendEvents(
                slot: Int32(truncatingIfNeeded: slot), seller: Int32(truncatingIfNeeded: seller), to: &events)
        }
    }

    private mutating func makeSets(_ customer: Customer) -> [SetEvent] {
        var events: [SetEvent] = []
        setPeople = []
        for (set, holding) in customer.people.sets.enumerated() {
            setPeople.append(holding.people.value(on: first))
            holding.people.forEachDifference(after: first) { day, people in
                events.append(SetEvent(day: day, set: set, people: people))
            }
        }
        events.sort { $0.day < $1.day }
        return events
    }

    private func truncate(_ figures: inout CustomerFigures) {
        for slot in figures.skus.indices {
            figures.skus[slot].steps.removeSteps(from: first)
            for seller in figures.skus[slot].sellers.indices {
                figures.skus[slot].sellers[seller].steps.removeSteps(from: first)
            }
        }
        for subject in figures.totals.indices { figures.totals[subject].removeSteps(from: first) }
    }

    // MARK: Changes

    private mutating func touch(_ slot: Int) {
        if slots[slot].isTouched { return }
        slots[slot].isTouched = true
        touched.append(slot)
    }

    private mutating func apply(_ event: LicenseEvent) {
        let slot = Int(event.slot)
        let seller = Int(event.seller)
        touch(slot)
        slots[slot].sellersTouched = true
        switch event.category {
        case .active:
            slots[slot].sellers[seller].active &+= event.quantity
            slots[slot].activeSubscriptions &+= event.subscriptions
        case .grace: slots[slot].sellers[seller].grace &+= event.quantity
        case .suspended: slots[slot].sellers[seller].suspended &+= event.quantity
        case .trial: slots[slot].sellers[seller].trial &+= event.quantity
        case .lingering: slots[slot].lingering &+= event.quantity
        }
    }

    private mutating func apply(_ event: SetEvent) {
        setPeople[event.set] &+= event.people
        for slot in setSlots[event.set] {
            slots[slot].current.holders &+= event.people
            touch(slot)
        }
        for subject in 0..<Subject.count {
            let target = targets[subject][event.set]
            if target >= 0 { charge(event.people, to: target, subject: subject) }
        }
    }

    private mutating func charge(_ people: Int64, to slot: Int, subject: Int) {
        let old = charged[subject][slot]
        charged[subject][slot] = old &+ people
        let entitled = slots[slot].current.entitled
        totals[subject].totalUsers &+= min(old &+ people, entitled) &- min(old, entitled)
    }

    /// The slot that the people of a set are charged to: the smallest id with entitled licenses. Without any they are
    /// no total users, whichever SKU they are charged to: −1.
    private func target(of set: Int, subject: Int) -> Int {
        // Slots are in the order of the ids.
        for slot in setSlots[set]
        where slots[slot].subjects & (1 << UInt16(subject)) != 0 && slots[slot].current.entitled > 0 { return slot }
        return -1
    }

    /// The state on the first day, once all earlier changes are in the sums.
    private mutating func start() {
        for slot in slots.indices {
            slots[slot].current = figures(of: slot)
            slots[slot].current.holders = slots[slot].sets.reduce(0) { $0 &+ setPeople[$1] }
        }
        charged = Array(repeating: Array(repeating: 0, count: slots.count), count: Subject.count)
        targets = Array(repeating: Array(repeating: -1, count: setSlots.count), count: Subject.count)
        for subject in 0..<Subject.count {
            for slot in slots.indices where slots[slot].subjects & (1 << UInt16(subject)) != 0 {
                totals[subject].entitlements &+= slots[slot].current.entitled
            }
            for set in setSlots.indices {
                let target = target(of: set, subject: subject)
                targets[subject][set] = target
                if target >= 0 { charge(setPeople[set], to: target, subject: subject) }
            }
        }
    }

    /// The figures of a SKU from the sums; `holders` as it was.
    private func figures(of slot: Int) -> LicenseStep {
        var step = LicenseStep(day: 0)
        step.holders = slots[slot].current.holders
        let hasActive = slots[slot].activeSubscriptions > 0
        step.uncounted = slots[slot].lingering
        for seller in slots[slot].sellers {
            step.sold &+= seller.active &+ seller.grace &+ seller.suspended
            step.entitled &+= hasActive ? seller.active : seller.grace
            step.trial &+= seller.trial
            step.uncounted &+= seller.suspended &+ (hasActive ? seller.grace : 0)
        }
        return step
    }

    /// Brings a touched slot's figures up to date and everything that depends on them.
    private mutating func settle(_ slot: Int) {
        let old = slots[slot].current
        let new = figures(of: slot)
        slots[slot].current = new
        let subjects = slots[slot].subjects
        guard subjects != 0 else { return }
        for subject in 0..<Subject.count where subjects & (1 << UInt16(subject)) != 0 {
            if new.entitled != old.entitled {
                let people = charged[subject][slot]
                totals[subject].entitlements &+= new.entitled &- old.entitled
                totals[subject].totalUsers &+= min(people, new.entitled) &- min(people, old.entitled)
            }
            if (new.entitled > 0) == (old.entitled > 0) { continue }
            for set in slots[slot].sets {
                let target = target(of: set, subject: subject)
                let before = targets[subject][set]
                if target == before { continue }
                targets[subject][set] = target
                if before >= 0 { charge(-setPeople[set], to: before, subject: subject) }
                if target >= 0 { charge(setPeople[set], to: target, subject: subject) }
            }
        }
    }

    // MARK: Steps

    private mutating func emit(_ day: Int32, into figures: inout CustomerFigures, all: Bool) {
        for slot in touched where !all && slots[slot].sellersTouched { settle(slot) }
        for slot in all ? Array(slots.indices) : touched {
            slots[slot].current.day = day
            figures.skus[slot].steps.push(slots[slot].current)
            if all || slots[slot].sellersTouched { emitSellers(of: slot, day: day, into: &figures.skus[slot]) }
            slots[slot].isTouched = false
            slots[slot].sellersTouched = false
        }
        touched.removeAll(keepingCapacity: true)
        for subject in 0..<Subject.count {
            totals[subject].day = day
            figures.totals[subject].push(totals[subject])
        }
    }

    private func emitSellers(of slot: Int, day: Int32, into figures: inout SkuFigures) {
        let hasActive = slots[slot].activeSubscriptions > 0
        for (place, sums) in slots[slot].sellers.enumerated() {
            figures.sellers[place].steps.push(
                SellerStep(
                    day: day, sold: sums.active &+ sums.grace &+ sums.suspended,
                    entitled: hasActive ? sums.active : sums.grace, trial: sums.trial))
        }
    }
}
