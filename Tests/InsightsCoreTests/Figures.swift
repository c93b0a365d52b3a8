import InsightsCore
import LicenseModel

/// Figures as a caller sees them: nil = absent. Made from the core's rows and by the naive model, and compared.
struct Licenses: Equatable {
    var sold: Int64?
    var entitled: Int64?
    var trial: Int64?
    var uncounted: Int64?
    var assigned: Int64?
    var unsold: Int64?
    var lower: Int64?
    var upper: Int64?
    var deploymentSold: Int64?

    init() {}

    init(_ row: LicenseRow) {
        if row.reported.contains(.subscriptions) {
            sold = row.sold
            entitled = row.entitled
            trial = row.trial
            uncounted = row.uncounted
        }
        if row.reported.isSuperset(of: [.subscriptions, .assignments]) {
            assigned = row.assigned
            unsold = row.assignedUnsold
            lower = row.assignedLower
            upper = row.assignedUpper
            deploymentSold = row.deploymentSold
        }
    }

    static var zero: Licenses { Licenses(LicenseRow()) }

    private var values: [Int64?] {
        [sold, entitled, trial, uncounted, assigned, unsold, lower, upper, deploymentSold]
    }

    /// Absent counts as nothing; what is there on the left stays there.
    mutating func add(_ other: Licenses) {
        func sum(_ left: Int64?, _ right: Int64?) -> Int64? {
            guard let right else { return left }
            return (left ?? 0) + right
        }
        sold = sum(sold, other.sold)
        entitled = sum(entitled, other.entitled)
        trial = sum(trial, other.trial)
        uncounted = sum(uncounted, other.uncounted)
        assigned = sum(assigned, other.assigned)
        unsold = sum(unsold, other.unsold)
        lower = sum(lower, other.lower)
        upper = sum(upper, other.upper)
        deploymentSold = sum(deploymentSold, other.deploymentSold)
    }

    var isZero: Bool { values.allSatisfy { ($0 ?? 0) == 0 } }
}

struct Usage: Equatable {
    var active: Int64?
    var totalUsers: Int64?
    var entitlements: Int64?
    var ratioActive: Int64?

    init() {}

    init(_ row: UsageRow) {
        guard row.reported.contains(.activity) else { return }
        active = row.active
        guard row.reported == [.subscriptions, .assignments, .activity] else { return }
        totalUsers = row.totalUsers
        entitlements = row.entitlements
        ratioActive = row.ratioActive
    }

    static var zero: Usage { Usage(UsageRow()) }

    mutating func add(_ other: Usage) {
        active = (active ?? 0) + (other.active ?? 0)
        totalUsers = (totalUsers ?? 0) + (other.totalUsers ?? 0)
        entitlements = (entitlements ?? 0) + (other.entitlements ?? 0)
        ratioActive = (ratioActive ?? 0) + (other.ratioActive ?? 0)
    }

    var isZero: Bool { (active ?? 0) == 0 && (totalUsers ?? 0) == 0 && (entitlements ?? 0) == 0 }
}

struct SkuFigures: Equatable {
    var sku: String
    var name: String
    var own: Licenses
    var all: Licenses
    var direct: Int64
    var other: Int64
    var unknown: Int64

    init(sku: String, name: String, own: Licenses, all: Licenses, direct: Int64, other: Int64, unknown: Int64) {
        self.sku = sku
        self.name = name
        self.own = own
        self.all = all
        self.direct = direct
        self.other = other
        self.unknown = unknown
    }

    init(_ row: SkuRow) {
        self.init(
            sku: row.sku.text, name: row.name, own: Licenses(row.own), all: Licenses(row.all), direct: row.directSold,
            other: row.otherPartnersSold, unknown: row.unknownSold)
    }
}

struct WorkloadFigures: Equatable {
    var code: String
    var usage: Usage
}

struct ProductFigures: Equatable {
    var product: Product
    var own: Licenses
    var all: Licenses
    var usage: Usage
    var skus: [SkuFigures]
    var workloads: [WorkloadFigures]

    init(product: Product, own: Licenses, all: Licenses, usage: Usage, skus: [SkuFigures], workloads: [WorkloadFigures])
    {
        self.product = product
        self.own = own
        self.all = all
        self.usage = usage
        self.skus = skus
        self.workloads = workloads
    }

    /// Rows of nothing but zeros or absences say nothing and are not compared.
    init(_ row: ProductRow) {
        self.init(
            product: row.product, own: Licenses(row.own), all: Licenses(row.all), usage: Usage(row.usage),
            skus: row.skus.map(SkuFigures.init).filter { !$0.all.isZero },
            workloads: row.workloads.map { WorkloadFigures(code: $0.workload.code, usage: Usage($0.usage)) }
                .filter { !$0.usage.isZero })
    }

    /// Without the details, as lists and trends have it.
    var bare: ProductFigures {
        ProductFigures(product: product, own: own, all: all, usage: usage, skus: [], workloads: [])
    }
}

struct AdviceFigures: Equatable {
    var kind: RecommendationKind
    var customer: String
    var product: Product?
    /// `name=value` in the order of the evidence.
    var evidence: [String]

    init(kind: RecommendationKind, customer: String, product: Product?, evidence: [String]) {
        self.kind = kind
        self.customer = customer
        self.product = product
        self.evidence = evidence
    }

    init(_ row: RecommendationRow) {
        let evidence = row.evidence.map { row in
            let value =
                switch row.value {
                case .count(let count): "\(count)"
                case .percent(let percent): "\(percent)"
                case .workload(let workload): workload.code
                case .sku(let sku): sku.text
                case .subscription(let id): id.text
                case .day(let day): "\(day)"
                case .term(let term): term.text
                case .flag(let flag): "\(flag)"
                }
            return "\(row.name)=\(value)"
        }
        self.init(kind: row.kind, customer: row.customer.text, product: row.product, evidence: evidence)
    }
}
