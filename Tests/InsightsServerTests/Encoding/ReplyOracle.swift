import InsightsAPI
import InsightsCore
import LicenseModel
import Tenancy

/// Rows to messages, written from the protos and the definitions alone, without the encoders' helpers.
enum ReplyOracle {
    static func ratio(_ definition: PBRatioDefinition, _ numerator: Int64, _ denominator: Int64) -> PBRatio {
        .with {
            $0.definition = definition
            $0.numerator = numerator
            $0.denominator = denominator
            if denominator != 0 { $0.percent = 100.0 * Double(numerator) / Double(denominator) }
        }
    }

    static func licenses(_ row: LicenseRow) -> PBLicenseFigures {
        var figures = PBLicenseFigures()
        if row.reported.contains(.subscriptions) {
            figures.sold = row.sold
            figures.entitled = row.entitled
            figures.trial = row.trial
            figures.uncounted = row.uncounted
        }
        if row.reported.isSuperset(of: [.subscriptions, .assignments]) {
            figures.assigned = row.assigned
            figures.assignedUnsold = row.assignedUnsold
            figures.assignedLower = row.assignedLower
            figures.assignedUpper = row.assignedUpper
            figures.attribution = row.assignedLower == row.assignedUpper ? .exact : .estimated
            figures.deployment = ratio(.assignedPerSold, row.assigned, row.deploymentSold)
        }
        return figures
    }

    static func usage(_ row: UsageRow, on day: Day) -> PBUsageFigures? {
        guard row.reported.contains(.activity) else { return nil }
        var figures = PBUsageFigures()
        figures.activeUsers = row.active
        if row.reported == [.subscriptions, .assignments, .activity] {
            figures.totalUsers = row.totalUsers
            figures.entitlements = row.entitlements
            figures.usage = ratio(.activeUsersPerTotalUsers, row.ratioActive, row.totalUsers)
            figures.usagePerEntitlement = ratio(.activeUsersPerEntitlement, row.ratioActive, row.entitlements)
        }
        figures.windowStart = Day(number: max(day.number - 27, 0)).description
        figures.windowEnd = day.description
        return figures
    }

    static func products(_ rows: [ProductRow], own: Bool, on day: Day) -> [PBProductInsights] {
        rows.map { row in
            var product = PBProductInsights()
            product.product = row.product == .office365 ? .office365 : .dynamics365
            product.licenses = licenses(own ? row.own : row.all)
            product.skus = row.skus.map { sku in
                .with {
                    $0.skuID = sku.sku.text
                    $0.skuName = sku.name
                    $0.licenses = licenses(own ? sku.own : sku.all)
                }
            }
            if let figures = usage(row.usage, on: day) { product.usage = figures }
            product.workloads = row.workloads.map { workload in
                .with {
                    $0.workloadCode = workload.workload.code
                    $0.workloadName = workload.workload.name
                    if let figures = usage(workload.usage, on: day) { $0.usage = figures }
                }
            }
            return product
        }
    }

    static func coverage(_ source: PBSource, _ through: Day?, _ day: Day) -> PBSourceCoverage {
        .with {
            $0.source = source
            $0.through = through?.description ?? ""
            $0.status = .notReported
            if let through { $0.status = through < day ? .lagging : .reported }
        }
    }

    static func uncatalogued(_ skus: UncataloguedSkus) -> [PBUncataloguedSku] {
        skus.skus.map { sku in
            .with {
                $0.skuID = sku.sku.text
                $0.sold = sku.sold
            }
        }
    }

    static func customer(_ row: CustomerInsightsRow, own: Bool) -> PBCustomerInsights {
        .with {
            $0.customerID = row.customer.customer.text
            $0.customerName = row.customer.name
            $0.asOf = row.asOf.description
            $0.scope = own ? .own : .allPartners
            $0.products = products(row.products, own: own, on: row.asOf)
            $0.freshness.sources = [
                coverage(.subscriptions, row.customer.coverage.subscriptions, row.asOf),
                coverage(.assignments, row.customer.coverage.assignments, row.asOf),
                coverage(.activity, row.customer.coverage.activity, row.asOf),
            ]
            $0.uncataloguedSkus = uncatalogued(row.uncatalogued)
            $0.uncataloguedSkuCount = Int32(row.uncatalogued.count)
            $0.freshness.workloads = workloads(row.customer.coverage, row.asOf)
        }
    }

    private static func workloads(_ coverage: CoverageRow, _ day: Day) -> [PBWorkloadCoverage] {
        let codes: [(Workload, String)] = [
            (.apps, "APPS"), (.crm, "CRM"), (.exo, "EXO"), (.sfb, "SFB"), (.spo, "SPO"), (.teams, "TEAMS"),
            (.yam, "YAM"),
        ]
        if codes.allSatisfy({ coverage[$0.0] == nil }) { return [] }
        return codes.map { workload, code in
            .with {
                $0.workloadCode = code
                $0.status = .notReported
                guard let through = coverage[workload] else { return }
                $0.through = through.description
                $0.status = through < day ? .lagging : .reported
            }
        }
    }

    static func portfolio(_ row: PortfolioInsightsRow, own: Bool) -> PBGetPortfolioInsightsResponse {
        .with {
            $0.insights.asOf = row.asOf.description
            $0.insights.scope = own ? .own : .allPartners
            $0.insights.customerCount = row.customerCount
            $0.insights.products = products(row.products, own: own, on: row.asOf)
            $0.insights.reportedCustomers = row.reportedCustomers
            $0.insights.laggingCustomers = row.laggingCustomers
            $0.insights.unreportedCustomers = row.unreportedCustomers
            $0.insights.uncataloguedSkus = uncatalogued(row.uncatalogued)
            $0.insights.uncataloguedSkuCount = Int32(row.uncatalogued.count)
        }
    }

    static func trend(_ rows: [TrendRow], own: Bool) -> PBGetTrendResponse {
        .with {
            $0.points = rows.map { row in
                .with {
                    $0.date = row.day.description
                    $0.product = row.product == .office365 ? .office365 : .dynamics365
                    $0.licenses = licenses(own ? row.own : row.all)
                    if let figures = usage(row.usage, on: row.day) { $0.usage = figures }
                }
            }
        }
    }

    static func comparison(_ products: [ProductRow], _ day: Day) -> PBCompareLicensesResponse {
        let rows = products.flatMap(\.skus)
        return .with {
            $0.asOf = day.description
            $0.comparisons = rows.map { row in
                var line = comparison(row)
                line.product = row.product == .office365 ? .office365 : .dynamics365
                line.skuID = row.sku.text
                line.skuName = row.name
                return line
            }
            var own = sum(rows.map(\.own))
            var all = sum(rows.map(\.all))
            for product in products {
                own.reported = own.reported.intersection(product.own.reported)
                all.reported = all.reported.intersection(product.all.reported)
            }
            $0.total = comparison(
                SkuRow(
                    sku: Self.someSku, name: "", product: .office365, own: own, all: all,
                    directSold: rows.map(\.directSold).reduce(0, &+),
                    otherPartnersSold: rows.map(\.otherPartnersSold).reduce(0, &+),
                    unknownSold: rows.map(\.unknownSold).reduce(0, &+)))
        }
    }

    private static let someSku: SkuID = {
        guard let id = try? SkuID("x") else { preconditionFailure("a visible character is an id") }
        return id
    }()

    private static func comparison(_ row: SkuRow) -> PBLicenseComparison {
        .with {
            $0.own = licenses(row.own)
            $0.allPartners = licenses(row.all)
            guard row.all.reported.contains(.subscriptions) else { return }
            $0.directSold = row.directSold
            $0.otherPartnersSold = row.otherPartnersSold
            $0.unknownSold = row.unknownSold
            if row.all.sold != 0 { $0.ownSharePercent = 100.0 * Double(row.own.sold) / Double(row.all.sold) }
        }
    }

    private static func sum(_ rows: [LicenseRow]) -> LicenseRow {
        func total(_ path: KeyPath<LicenseRow, Int64>) -> Int64 { rows.map { $0[keyPath: path] }.reduce(0, &+) }
        var sum = LicenseRow()
        sum.sold = total(\.sold)
        sum.deploymentSold = total(\.deploymentSold)
        sum.entitled = total(\.entitled)
        sum.trial = total(\.trial)
        sum.uncounted = total(\.uncounted)
        sum.assigned = total(\.assigned)
        sum.assignedUnsold = total(\.assignedUnsold)
        sum.assignedLower = total(\.assignedLower)
        sum.assignedUpper = total(\.assignedUpper)
        for row in rows { sum.reported = sum.reported.intersection(row.reported) }
        return sum
    }

    static func exportRow(_ customer: CustomerRow, _ day: Day, _ row: ProductRow) -> PBExportRow {
        .with {
            $0.date = day.description
            $0.customerID = customer.customer.text
            $0.customerName = customer.name
            $0.market = customer.market
            $0.product = row.product == .office365 ? .office365 : .dynamics365
            let own = licenses(row.own)
            if own.hasSold { $0.ownSold = own.sold }
            if own.hasEntitled { $0.ownEntitled = own.entitled }
            let all = licenses(row.all)
            if all.hasSold { $0.allSold = all.sold }
            if all.hasEntitled { $0.allEntitled = all.entitled }
            if all.hasTrial { $0.trial = all.trial }
            if all.hasUncounted { $0.uncounted = all.uncounted }
            if all.hasAssigned { $0.assigned = all.assigned }
            if all.hasAssignedUnsold { $0.assignedUnsold = all.assignedUnsold }
            if all.deployment.hasPercent { $0.deploymentPercent = all.deployment.percent }
            if let usage = usage(row.usage, on: day) {
                $0.activeUsers = usage.activeUsers
                if usage.hasTotalUsers { $0.totalUsers = usage.totalUsers }
                if usage.hasEntitlements { $0.entitlements = usage.entitlements }
                if usage.usage.hasPercent { $0.usagePercent = usage.usage.percent }
                if usage.usagePerEntitlement.hasPercent {
                    $0.usagePerEntitlementPercent = usage.usagePerEntitlement.percent
                }
            }
            $0.subscriptionsThrough = customer.coverage.subscriptions?.description ?? ""
            $0.assignmentsThrough = customer.coverage.assignments?.description ?? ""
            $0.activityThrough = customer.coverage.activity?.description ?? ""
        }
    }
}
