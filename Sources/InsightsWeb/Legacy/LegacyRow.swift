import InsightsAPI

/// Which figures a resource shows.
enum LegacyKind: String, CaseIterable, Sendable {
    case deployment
    case usage
}

/// What rows are told apart by, in the order in which they are written.
enum LegacyField: String, CaseIterable, Sendable {
    case workloadCode
    case workloadName
    case serviceCode
    case serviceName
    case channel
    case customerTenantId
    case customerName
    case productId
    case productName
    case processedDateTime

    /// Whether rows of a kind have it.
    func isOf(_ kind: LegacyKind) -> Bool {
        switch self {
        case .workloadCode, .workloadName: kind == .usage
        default: true
        }
    }
}

/// One customer's SKU, or one workload of it; or a service of the portfolio.
struct LegacyRow {
    /// By the position of ``LegacyField``; empty where the row has none.
    private(set) var texts = [String](repeating: "", count: LegacyField.allCases.count)
    /// `licensesDeployed` or `licensesActive`; nil when it is not reported.
    private(set) var part: Int64?
    /// `licensesSold` or `licensesQualified`.
    private(set) var whole: Int64?
    /// 100 for all; unclamped.
    private(set) var percent: Double?

    subscript(field: LegacyField) -> String {
        get { texts[Self.places[field] ?? 0] }
        set { texts[Self.places[field] ?? 0] = newValue }
    }

    private static let places = Dictionary(
        uniqueKeysWithValues: LegacyField.allCases.enumerated().map { ($0.element, $0.offset) })

    /// - Parameter day: of the figures, `YYYY-MM-DD`.
    init(_ product: PBProduct, isSeller: Bool, day: String) {
        switch product {
        case .dynamics365: (self[.serviceCode], self[.serviceName]) = ("crm", "Microsoft Dynamics")
        default: (self[.serviceCode], self[.serviceName]) = ("o365", "Microsoft Office 365")
        }
        self[.channel] = isSeller ? "Reseller" : "Direct"
        self[.processedDateTime] = day.isEmpty ? "" : day + "T00:00:00"
    }

    mutating func take(_ licenses: PBLicenseFigures) {
        part = licenses.hasAssigned ? licenses.assigned : nil
        whole = licenses.hasSold ? licenses.sold : nil
        percent = licenses.deployment.hasPercent ? licenses.deployment.percent : nil
    }

    mutating func take(_ workload: PBWorkloadUsage) {
        self[.workloadCode] = workload.workloadCode
        self[.workloadName] = workload.workloadName
        part = workload.usage.activeUsers
        whole = workload.usage.hasEntitlements ? workload.usage.entitlements : nil
        percent = workload.usage.usage.hasPercent ? workload.usage.usage.percent : nil
    }

    /// The rows of a customer, as the figures have their SKUs and workloads.
    ///
    /// - Parameters:
    ///   - sellers: SKUs of which the caller sold some.
    ///   - workloads: the codes that a SKU includes.
    static func rows(
        of customer: PBCustomerInsights, _ kind: LegacyKind, sellers: Set<String>, workloads: (String) -> [String]
    ) -> [LegacyRow] {
        var rows: [LegacyRow] = []
        for product in customer.products {
            for sku in product.skus {
                var row = LegacyRow(product.product, isSeller: sellers.contains(sku.skuID), day: customer.asOf)
                row[.customerTenantId] = customer.customerID
                row[.customerName] = customer.customerName
                row[.productId] = sku.skuID
                row[.productName] = sku.skuName.uppercased()
                switch kind {
                case .deployment:
                    row.take(sku.licenses)
                    rows.append(row)
                case .usage:
                    let included = Set(workloads(sku.skuID))
                    for workload in product.workloads where included.contains(workload.workloadCode) {
                        row.take(workload)
                        rows.append(row)
                    }
                }
            }
        }
        return rows
    }

    static func sold(in customer: PBCustomerInsights) -> Set<String> {
        Set(customer.products.flatMap(\.skus).filter { $0.licenses.sold > 0 }.map(\.skuID))
    }

    // MARK: Writing

    /// An item of `customers/{customer_id}/analytics/licenses`.
    func writeCustomerItem(_ kind: LegacyKind, _ scale: LegacyResources.PercentScale, into json: inout JSONText) {
        json.object { json in
            json.field("customerId", self[.customerTenantId])
            json.field("customerName", self[.customerName])
            json.field("productName", self[.productName])
            json.field("serviceCode", self[.serviceCode])
            writeCommon(into: &json)
            switch kind {
            case .deployment:
                json.field("licensesDeployed", part)
                json.field("licensesSold", whole)
                json.field("deploymentPercent", scaled(scale))
                json.attributes("CustomerLicensesDeploymentInsights")
            case .usage:
                json.field("workloadCode", self[.workloadCode])
                json.field("workloadName", self[.workloadName])
                json.field("licensesActive", part)
                json.field("licensesQualified", whole)
                json.field("usagePercent", scaled(scale))
                json.attributes("CustomerLicensesUsageInsights")
            }
        }
    }

    /// An item of `analytics/licenses`.
    func writePartnerItem(_ kind: LegacyKind, _ scale: LegacyResources.PercentScale, into json: inout JSONText) {
        json.object { json in
            writeCommon(into: &json)
            switch kind {
            case .deployment:
                json.field("licensesDeployed", part)
                json.field("licensesSold", whole)
                json.field("proratedDeploymentPercent", scaled(scale))
                json.attributes("PartnerLicensesDeploymentInsights")
            case .usage:
                json.field("workloadCode", self[.workloadCode])
                json.field("workloadName", self[.workloadName])
                json.field("licensesActive", part)
                json.field("licensesQualified", whole)
                json.field("proratedLicensesUsagePercent", scaled(scale))
                json.attributes("PartnerLicensesUsageInsights")
            }
        }
    }

    private func writeCommon(into json: inout JSONText) {
        // The first resources have the code under the name.
        json.field("serviceName", self[.serviceCode])
        json.field("channel", self[.channel])
        if !self[.processedDateTime].isEmpty { json.field("processedDateTime", self[.processedDateTime] + "Z") }
    }

    private func scaled(_ scale: LegacyResources.PercentScale) -> Double? {
        switch scale {
        case .percent: percent
        case .fraction: percent.map { $0 / 100 }
        }
    }
}
