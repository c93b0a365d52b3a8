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

    /// Sums of subscriptions of one SKU.
    private struct Sums {
        var active: Int64 = 0
        var grace: Int64 = 0
        var suspended: Int64 = 0
        var trial: Int64 = 0

        mutating func add(_ quantity: Int64, of category: LicenseCategory) {
            switch category {
            case .active: active &+= quantity
            case .grace: grace &+= quantity
            case .suspended: suspended &+= quantity
            case .trial: trial &+= quantity
            case .lingering: break
            }
        }
    }

    private struct Slot {
        let sku: SkuIndex
        /// Nothing of it is counted.
        let isFree: Bool
        /// Of every seller.
        var sums = Sums()
        var sellers: [Sums]
        /// Sellers whose sums changed, at times more than once.
        var touchedSellers: [Int] = []
        /// Non-trial subscriptions in `ACTIVE` of every seller, whatever their quantity: one suppresses grace.
        var activeSubscriptions: Int32 = 0
        /// Whether there were any when the sellers' steps were written last.
        var hadActive = false
        var lingering: Int64 = 0
        var current = LicenseStep(day: 0)
        /// Subjects that count the SKU, as bits.
        var subjects: UInt16
        /// Sets that contain the SKU.
        var sets: [Int] = []
        var isTouched = false
        var isChanged = false
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
        let slotOfSku = addSkus(to: &customer)
        var licenseEvents = makeLicenseEvents(&customer, slotOfSku)
        makeSlots(customer, slotOfSku)
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

    /// Figures for every SKU that the customer has a subscription or a holding of, by id. Returns the place of each.
    private func addSkus(to customer: inout Customer) -> [SkuIndex: Int] {
        var known = Set(customer.figures.skus.map(\.sku))
        let before = known.count
        for sku in customer.people.members.keys { known.insert(sku) }
        for subscription in customer.subscriptions {
            var last: SkuIndex = -1
            for entry in subscription.history where entry.sku != last {
                last = entry.sku
                known.insert(last)
            }
        }
        if known.count > before {
            for figures in customer.figures.skus { known.remove(figures.sku) }
            customer.figures.skus += known.map { SkuFigures(sku: $0) }
            customer.figures.skus.sort { catalog[$0.sku].id < catalog[$1.sku].id }
        }
        var slotOfSku: [SkuIndex: Int] = [:]
        for (slot, figures) in customer.figures.skus.enumerated() { slotOfSku[figures.sku] = slot }
        return slotOfSku
    }

    private struct SlotSeller: Hashable {
        var slot: Int
        var seller: SellerIndex
    }

    /// The changes of licenses, in no order; sellers that are new for a SKU get figures.
    private func makeLicenseEvents(_ customer: inout Customer, _ slotOfSku: [SkuIndex: Int]) -> [LicenseEvent] {
        var places: [SlotSeller: Int] = [:]
        for (slot, figures) in customer.figures.skus.enumerated() {
            for (place, seller) in figures.sellers.enumerated() {
                places[SlotSeller(slot: slot, seller: seller.seller)] = place
            }
        }
        var events: [LicenseEvent] = []
        for subscription in customer.subscriptions {
            var last: (sku: SkuIndex, place: LicensePlace?)?
            subscription.appendEvents(to: &events) { sku in
                if let last, last.sku == sku { return last.place }
                last = (sku, nil)
                guard !catalog.isFree(sku), let slot = slotOfSku[sku] else { return nil }
                let key = SlotSeller(slot: slot, seller: subscription.seller)
                let seller = places[key] ?? customer.figures.skus[slot].sellers.count
                if seller == customer.figures.skus[slot].sellers.count {
                    customer.figures.skus[slot].sellers.append(SellerFigures(seller: subscription.seller))
                    places[key] = seller
                }
                let place = LicensePlace(
                    slot: Int32(truncatingIfNeeded: slot), seller: Int32(truncatingIfNeeded: seller))
                last = (sku, place)
                return place
            }
        }
        return events
    }

    private mutating func makeSlots(_ customer: Customer, _ slotOfSku: [SkuIndex: Int]) {
        slots = customer.figures.skus.map {
            Slot(
                sku: $0.sku, isFree: catalog.isFree($0.sku),
                sellers: Array(repeating: Sums(), count: $0.sellers.count), subjects: catalog.subjects(of: $0.sku))
        }
        setSlots = customer.people.sets.map { $0.skus.compactMap { slotOfSku[$0] }.sorted() }
        for (set, members) in setSlots.enumerated() {
            for slot in members { slots[slot].sets.append(set) }
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
        let slot = Int(event.place.slot)
        let seller = Int(event.place.seller)
        touch(slot)
        slots[slot].isChanged = true
        if event.category == .lingering {
            slots[slot].lingering &+= event.quantity
            return
        }
        if event.category == .active { slots[slot].activeSubscriptions &+= event.subscriptions }
        slots[slot].sums.add(event.quantity, of: event.category)
        slots[slot].sellers[seller].add(event.quantity, of: event.category)
        slots[slot].touchedSellers.append(seller)
    }

    private mutating func apply(_ event: SetEvent) {
        setPeople[event.set] &+= event.people
        for slot in setSlots[event.set] {
            guard !slots[slot].isFree else { continue }
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
            if slots[slot].isFree { continue }
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
        let sums = slots[slot].sums
        step.sold = sums.active &+ sums.grace &+ sums.suspended
        step.entitled = hasActive ? sums.active : sums.grace
        step.trial = sums.trial
        step.uncounted = slots[slot].lingering &+ sums.suspended &+ (hasActive ? sums.grace : 0)
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
        for slot in touched where !all && slots[slot].isChanged { settle(slot) }
        for slot in all ? Array(slots.indices) : touched {
            slots[slot].current.day = day
            figures.skus[slot].steps.push(slots[slot].current)
            if all || slots[slot].isChanged { emitSellers(of: slot, day: day, into: &figures.skus[slot], all: all) }
            slots[slot].isTouched = false
            slots[slot].isChanged = false
        }
        touched.removeAll(keepingCapacity: true)
        for subject in 0..<Subject.count {
            totals[subject].day = day
            figures.totals[subject].push(totals[subject])
        }
    }

    private mutating func emitSellers(of slot: Int, day: Int32, into figures: inout SkuFigures, all: Bool) {
        let hasActive = slots[slot].activeSubscriptions > 0
        // Grace counts or does not for every seller at once.
        let concernsEverybody = all || hasActive != slots[slot].hadActive
        for place in concernsEverybody ? Array(slots[slot].sellers.indices) : slots[slot].touchedSellers {
            let sums = slots[slot].sellers[place]
            figures.sellers[place].steps.push(
                SellerStep(
                    day: day, sold: sums.active &+ sums.grace &+ sums.suspended,
                    entitled: hasActive ? sums.active : sums.grace, trial: sums.trial))
        }
        slots[slot].hadActive = hasActive
        slots[slot].touchedSellers.removeAll(keepingCapacity: true)
    }
}
