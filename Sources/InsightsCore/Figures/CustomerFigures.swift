import LicenseModel

/// Something that holds from a day on, until the next step; zeros before the first.
protocol Step: Sendable {
    var day: Int32 { get }
    /// Equal but for the day.
    func sameFigures(as other: Self) -> Bool
    /// Nothing but zeros.
    var isZero: Bool { get }
}

/// Licenses of one SKU of one customer from `day` on, every seller.
struct LicenseStep: Step {
    var day: Int32
    var sold: Int64 = 0
    var entitled: Int64 = 0
    var trial: Int64 = 0
    var uncounted: Int64 = 0
    /// People who hold the SKU; 0 of a free one.
    var holders: Int64 = 0

    func sameFigures(as other: LicenseStep) -> Bool {
        sold == other.sold && entitled == other.entitled && trial == other.trial && uncounted == other.uncounted
            && holders == other.holders
    }

    var isZero: Bool { sameFigures(as: LicenseStep(day: 0)) }
}

/// The share of one seller from `day` on.
struct SellerStep: Step {
    var day: Int32
    var sold: Int64 = 0
    var entitled: Int64 = 0
    var trial: Int64 = 0

    func sameFigures(as other: SellerStep) -> Bool {
        sold == other.sold && entitled == other.entitled && trial == other.trial
    }

    var isZero: Bool { sameFigures(as: SellerStep(day: 0)) }
}

/// What usage is measured against, for one subject from `day` on.
struct UsageStep: Step {
    var day: Int32
    var totalUsers: Int64 = 0
    var entitlements: Int64 = 0

    func sameFigures(as other: UsageStep) -> Bool {
        totalUsers == other.totalUsers && entitlements == other.entitlements
    }

    var isZero: Bool { totalUsers == 0 && entitlements == 0 }
}

struct SellerFigures: Sendable {
    let seller: SellerIndex
    var steps: [SellerStep] = []
}

struct SkuFigures: Sendable {
    let sku: SkuIndex
    var steps: [LicenseStep] = []
    var sellers: [SellerFigures] = []

    init(sku: SkuIndex) {
        self.sku = sku
    }

    /// Own figures, and what the vendor and unknown sellers sold.
    func shares(own partner: PartnerIndex?, on day: Int32) -> (own: SellerStep, direct: Int64, unknown: Int64) {
        var shares = (own: SellerStep(day: day), direct: Int64(0), unknown: Int64(0))
        for place in sellers.indices {
            let seller = sellers[place].seller
            guard seller < 0 || seller == partner, let step = sellers[place].steps.step(on: day) else { continue }
            switch seller {
            case SellerKind.direct: shares.direct = step.sold
            case SellerKind.unknown: shares.unknown = step.sold
            default: shares.own = step
            }
        }
        return shares
    }

    func steps(of seller: SellerIndex) -> [SellerStep] {
        for figures in sellers where figures.seller == seller { return figures.steps }
        return []
    }
}

/// All license figures of a customer as step functions of the day: queries look up and never scan users. Derived from
/// the facts; never stored.
struct CustomerFigures: Sendable {
    /// By SKU id. Every SKU that the customer ever had a subscription or a holder of, covered or not.
    var skus: [SkuFigures] = []
    /// Per subject.
    var totals = [[UsageStep]](repeating: [], count: Subject.count)

    func total(of subject: Int, on day: Int32) -> UsageStep {
        totals[subject].step(on: day) ?? UsageStep(day: day)
    }
}

extension Array where Element: Step {
    /// The step that holds on a day; nil = zeros.
    func step(on day: Int32) -> Element? {
        if let last, last.day <= day { return last }
        let place = partitioningIndex { $0.day > day }
        return place == 0 ? nil : self[place - 1]
    }

    /// Appends a step unless it says what holds already.
    mutating func push(_ step: Element) {
        if let last {
            if last.sameFigures(as: step) { return }
        } else if step.isZero {
            return
        }
        append(step)
    }

    mutating func removeSteps(from day: Int32) {
        removeSubrange(partitioningIndex { $0.day >= day }...)
    }
}
