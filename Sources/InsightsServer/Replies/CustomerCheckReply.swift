import InsightsAPI
import InsightsCore
import LicenseModel

/// Bounds of `CheckCustomer`'s lists; the counts beside them are of all.
private enum CheckLimits {
    static let skus = 1_000
    static let subscriptions = 10_000
    static let people = 100
}

extension PBCheckCustomerResponse {
    init(_ check: CustomerCheck, on today: Day) {
        self.init()
        asOf = today.description
        sources = PBSourceCoverage.all(check.coverage, on: today)
        workloads = PBWorkloadCoverage.all(check.coverage, on: today)
        skus = check.skus.prefix(CheckLimits.skus).map(PBCheckedSku.init)
        skuCount = Int64(check.skus.count)
        subscriptions = check.subscriptions.prefix(CheckLimits.subscriptions).map(PBCheckedSubscription.init)
        subscriptionCount = Int64(check.subscriptions.count)
        unknownSellerCount = Int64(check.subscriptions.count { $0.isInService && $0.fact.seller == .unknown })
        endedBySnapshotCount = Int64(check.subscriptions.count(where: \.isEndedBySnapshot))
        people = Int64(check.people)
        concealedPeople = Int64(check.concealedPeople)
        neverSeenCount = Int64(check.neverSeen.count)
        neverSeenUserIds = check.neverSeen.prefix(CheckLimits.people).map(\.text)
        unlicensedCount = Int64(check.unlicensed.count)
        unlicensedUserIds = check.unlicensed.prefix(CheckLimits.people).map(\.text)
        incompleteSnapshotCount = Int64(check.incompleteSnapshots)
    }
}

extension PBCheckedSku {
    fileprivate init(_ sku: CustomerCheck.Sku) {
        self.init()
        skuID = sku.id.text
        skuName = sku.name
        catalogued = sku.isCatalogued
        free = sku.isFree
        licenses = sku.licenses
        holders = sku.holders
    }
}

extension PBCheckedSubscription {
    fileprivate init(_ row: CustomerCheck.CheckedSubscription) {
        self.init()
        subscriptionID = row.fact.subscription.text
        skuID = row.fact.sku.text
        state = PBSubscriptionState(rawValue: Int(row.fact.state.rawValue)) ?? .unspecified
        quantity = row.fact.quantity
        trial = row.fact.trial
        switch row.fact.seller {
        case .partner(let partner): sellerPartnerID = partner.text
        case .direct: sellerKind = .direct
        case .unknown: sellerKind = .unknown
        }
        effectiveDate = row.fact.effective.description
        endedBySnapshot = row.isEndedBySnapshot
    }
}
