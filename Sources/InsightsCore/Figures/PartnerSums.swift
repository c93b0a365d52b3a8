import LicenseModel
import Tenancy

/// Sums over every customer that a partner ever served, each on the days on which it did; kept up to date customer by
/// customer, so that portfolio figures and trends do not visit the customers.
///
/// Customers that are served no more count here too: whoever asks knows today and takes them off.
struct PartnerSums: Sendable {
    /// Active people per row of the activity table, of customers that report its activity.
    private(set) var active = [DaySeries](repeating: DaySeries(), count: ActivityTable.rowCount)
    /// The part of `active` whose licenses are not reported.
    private(set) var activeWithoutLicenses = [DaySeries](repeating: DaySeries(), count: ActivityTable.rowCount)
    /// Per SKU, covered or not.
    private(set) var licenses: [SkuIndex: StepSum<LicenseVector>] = [:]
    /// Per subject, of customers that report all three sources for it.
    private(set) var totals = [StepSum<UsageVector>](repeating: StepSum(), count: Subject.count)
    /// Customers served on the day.
    private(set) var customers = StepSum<Int64>()

    /// Takes off what a customer was and adds what it is.
    mutating func exchange(_ old: Customer, for new: Customer, partner: PartnerIndex, change: CustomerChange) {
        let oldSpans = old.spans(servedBy: partner)
        let newSpans = new.spans(servedBy: partner)
        guard oldSpans == newSpans, old.reported == new.reported, old.reportedSubjects == new.reportedSubjects else {
            count(oldSpans, by: -1)
            count(newSpans, by: 1)
            exchangeLicenses(old, oldSpans, for: new, newSpans, partner: partner, from: 0)
            addActivity(Customer(id: old.id), minus: old, spans: oldSpans, reportedBy: old, change: .all)
            addActivity(new, minus: Customer(id: new.id), spans: newSpans, reportedBy: new, change: .all)
            return
        }
        if let first = change.firstLicenseDay {
            exchangeLicenses(old, oldSpans, for: new, newSpans, partner: partner, from: first)
        }
        addActivity(new, minus: old, spans: newSpans, reportedBy: new, change: change.activity)
    }

    private mutating func count(_ spans: [DaySpan], by change: Int64) {
        for span in spans {
            customers.add(change, on: span.start)
            if span.end != DaySpan.open { customers.add(-change, on: span.end) }
        }
    }

    // MARK: Reading

    func usage(_ subject: Int, on day: Int32, catalog: SkuCatalog) -> UsageRow {
        var rows = [UsageRow()]
        addUsage(subject, on: [day], catalog: catalog, to: &rows)
        return rows[0]
    }

    /// Adds the usage on ascending days to `rows`, one for each day.
    func addUsage(_ subject: Int, on days: [Int32], catalog: SkuCatalog, to rows: inout [UsageRow]) {
        var vectors = [UsageVector](repeating: .zero, count: days.count)
        totals[subject].addValues(on: days, to: &vectors)
        for place in days.indices {
            rows[place].totalUsers &+= vectors[place].totalUsers
            rows[place].entitlements &+= vectors[place].entitlements
        }
        guard let row = catalog.activityRow(of: subject) else { return }
        let isPartial = !activeWithoutLicenses[row].isEmpty
        for place in days.indices {
            let count = active[row][days[place]]
            rows[place].active &+= count
            rows[place].ratioActive &+= isPartial ? count &- activeWithoutLicenses[row][days[place]] : count
        }
    }

    // MARK: Activity

    private mutating func addActivity(
        _ new: Customer, minus old: Customer, spans: [DaySpan], reportedBy customer: Customer,
        change: CustomerChange.Activity
    ) {
        let rows: UInt16
        let first: Int32
        let last: Int32
        switch change {
        case .none: return
        case .some(let changedRows, let firstDay, let lastDay): (rows, first, last) = (changedRows, firstDay, lastDay)
        case .all: (rows, first, last) = (UInt16.max, 0, DaySpan.open - 1)
        }
        // Rows are numbered like their subjects.
        let reportedRows = rows & customer.reportedSubjects
        let hasLicenses = customer.reported.tellUsage
        for row in 0..<ActivityTable.rowCount where reportedRows & (1 << UInt16(row)) != 0 {
            for span in spans {
                let from = max(span.start, first)
                let until = min(span.end, last + 1)
                active[row].add(new.active[row], minus: old.active[row], from: from, until: until)
                if hasLicenses { continue }
                activeWithoutLicenses[row].add(new.active[row], minus: old.active[row], from: from, until: until)
            }
        }
    }

    // MARK: Licenses

    private mutating func exchangeLicenses(
        _ old: Customer, _ oldSpans: [DaySpan], for new: Customer, _ newSpans: [DaySpan], partner: PartnerIndex,
        from first: Int32
    ) {
        if old.reported.tellSold {
            for figures in old.figures.skus {
                add(figures, of: old, spans: oldSpans, partner: partner, from: first, isNew: false)
            }
        }
        if new.reported.tellSold {
            for figures in new.figures.skus {
                add(figures, of: new, spans: newSpans, partner: partner, from: first, isNew: true)
            }
        }
        for subject in 0..<Subject.count {
            if old.reported(for: subject).tellUsage {
                add(old.figures.totals[subject], subject, spans: oldSpans, from: first, isNew: false)
            }
            if new.reported(for: subject).tellUsage {
                add(new.figures.totals[subject], subject, spans: newSpans, from: first, isNew: true)
            }
        }
    }

    /// Days before `first` are the same in old and new: they cancel, so that both begin with the value on `first`.
    private mutating func add(
        _ figures: SkuFigures, of customer: Customer, spans: [DaySpan], partner: PartnerIndex, from first: Int32,
        isNew: Bool
    ) {
        let own = figures.steps(of: partner)
        let direct = figures.steps(of: SellerKind.direct)
        let unknown = figures.steps(of: SellerKind.unknown)
        let reported = customer.reported
        for span in spans where span.end > first {
            let start = max(span.start, first)
            var days = [start]
            figures.steps.appendDays(after: start, until: span.end, to: &days)
            own.appendDays(after: start, until: span.end, to: &days)
            direct.appendDays(after: start, until: span.end, to: &days)
            unknown.appendDays(after: start, until: span.end, to: &days)
            days.sort()
            var previous = LicenseVector.zero
            for (place, day) in days.enumerated() where place == 0 || days[place - 1] != day {
                let value = LicenseVector(
                    all: figures.steps.step(on: day) ?? LicenseStep(day: day),
                    own: own.step(on: day) ?? SellerStep(day: day), directSold: direct.step(on: day)?.sold ?? 0,
                    unknownSold: unknown.step(on: day)?.sold ?? 0, reported: reported)
                licenses[figures.sku, default: StepSum()].move(from: previous, to: value, on: day, isNew: isNew)
                previous = value
            }
            if span.end != DaySpan.open {
                licenses[figures.sku, default: StepSum()].move(from: previous, to: .zero, on: span.end, isNew: isNew)
            }
        }
    }

    private mutating func add(
        _ steps: [UsageStep], _ subject: Int, spans: [DaySpan], from first: Int32, isNew: Bool
    ) {
        for span in spans where span.end > first {
            let start = max(span.start, first)
            var previous = steps.step(on: start).map { UsageVector($0) } ?? .zero
            totals[subject].move(from: .zero, to: previous, on: start, isNew: isNew)
            for place in steps.partitioningIndex(where: { $0.day > start })..<steps.count {
                if steps[place].day >= span.end { break }
                let value = UsageVector(steps[place])
                totals[subject].move(from: previous, to: value, on: steps[place].day, isNew: isNew)
                previous = value
            }
            if span.end != DaySpan.open {
                totals[subject].move(from: previous, to: .zero, on: span.end, isNew: isNew)
            }
        }
    }
}

extension Array where Element: Step {
    /// The days of the steps in `day + 1 ..< end`.
    fileprivate func appendDays(after day: Int32, until end: Int32, to days: inout [Int32]) {
        for place in partitioningIndex(where: { $0.day > day })..<count {
            if self[place].day >= end { break }
            days.append(self[place].day)
        }
    }
}

extension StepSum {
    /// Adds (or, for what is no longer so, takes off) a step of one of the functions that are summed.
    fileprivate mutating func move(from: Value, to: Value, on day: Int32, isNew: Bool) {
        var difference = isNew ? to : from
        difference &-= isNew ? from : to
        add(difference, on: day)
    }
}

extension Customer {
    /// The days on which the partner serves the customer: disjoint, ascending, whatever relationships overlap.
    func spans(servedBy partner: PartnerIndex) -> [DaySpan] {
        var spans: [DaySpan] = []
        let own = relationships.filter { $0.partner == partner }.sorted { $0.days.start < $1.days.start }
        for relationship in own {
            if let last = spans.last, relationship.days.start <= last.end {
                spans[spans.count - 1].end = max(last.end, relationship.days.end)
            } else {
                spans.append(relationship.days)
            }
        }
        return spans
    }
}
