import CProtobufC
import InsightsAPI

/// Reads replies with protobuf-c, which shares no code with the encoders or swift-protobuf, into messages that compare
/// field for field. Texts end at NUL there.
enum ReplyWitness {
    static func customer(_ bytes: [UInt8]) -> PBGetCustomerInsightsResponse? {
        guard let reply = partner__insights__v1__get_customer_insights_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__get_customer_insights_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            if let insights = reply.pointee.insights { $0.insights = customer(insights.pointee) }
        }
    }

    static func customers(_ bytes: [UInt8]) -> PBListCustomerInsightsResponse? {
        guard let reply = partner__insights__v1__list_customer_insights_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__list_customer_insights_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            $0.insights = list(reply.pointee.insights, reply.pointee.n_insights).map(customer)
            $0.nextPageToken = text(reply.pointee.next_page_token)
            $0.totalSize = reply.pointee.total_size
        }
    }

    static func portfolio(_ bytes: [UInt8]) -> PBGetPortfolioInsightsResponse? {
        guard let reply = partner__insights__v1__get_portfolio_insights_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__get_portfolio_insights_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            guard let row = reply.pointee.insights?.pointee else { return }
            $0.insights.asOf = text(row.as_of)
            $0.insights.scope = PBLicenseScope(rawValue: Int(row.scope.rawValue)) ?? .unspecified
            $0.insights.customerCount = row.customer_count
            $0.insights.products = list(row.products, row.n_products).map(product)
            $0.insights.reportedCustomers = row.reported_customers
            $0.insights.laggingCustomers = row.lagging_customers
            $0.insights.unreportedCustomers = row.unreported_customers
            $0.insights.uncataloguedSkus = list(row.uncatalogued_skus, row.n_uncatalogued_skus).map(uncatalogued)
            $0.insights.uncataloguedSkuCount = row.uncatalogued_sku_count
        }
    }

    static func trend(_ bytes: [UInt8]) -> PBGetTrendResponse? {
        guard let reply = partner__insights__v1__get_trend_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__get_trend_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            $0.points = list(reply.pointee.points, reply.pointee.n_points).map { point in
                .with {
                    $0.date = text(point.date)
                    $0.product = PBProduct(rawValue: Int(point.product.rawValue)) ?? .unspecified
                    if let licenses = point.licenses { $0.licenses = self.licenses(licenses.pointee) }
                    if let usage = point.usage { $0.usage = self.usage(usage.pointee) }
                }
            }
        }
    }

    static func comparison(_ bytes: [UInt8]) -> PBCompareLicensesResponse? {
        guard let reply = partner__insights__v1__compare_licenses_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__compare_licenses_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            $0.comparisons = list(reply.pointee.comparisons, reply.pointee.n_comparisons).map(comparison)
            if let total = reply.pointee.total { $0.total = comparison(total.pointee) }
            $0.asOf = text(reply.pointee.as_of)
        }
    }

    static func export(_ bytes: [UInt8]) -> PBExportInsightsResponse? {
        guard let reply = partner__insights__v1__export_insights_response__unpack(nil, bytes.count, bytes)
        else { return nil }
        defer { partner__insights__v1__export_insights_response__free_unpacked(reply, nil) }
        return .with {
            $0.revision = reply.pointee.revision
            $0.rows = list(reply.pointee.rows, reply.pointee.n_rows).map(exportRow)
            let chunk = reply.pointee.csv_chunk
            $0.csvChunk.append(contentsOf: (0..<chunk.len).compactMap { chunk.data?[$0] })
            $0.resumeToken = text(reply.pointee.resume_token)
            $0.customersTotal = reply.pointee.customers_total
            $0.customersDone = reply.pointee.customers_done
        }
    }

    // MARK: Parts

    private static func text(_ text: UnsafeMutablePointer<CChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }

    private static func list<T>(
        _ items: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int
    ) -> [T] {
        (0..<count).compactMap { items?[$0]?.pointee }
    }

    private static func customer(_ row: Partner__Insights__V1__CustomerInsights) -> PBCustomerInsights {
        .with {
            $0.customerID = text(row.customer_id)
            $0.customerName = text(row.customer_name)
            $0.asOf = text(row.as_of)
            $0.scope = PBLicenseScope(rawValue: Int(row.scope.rawValue)) ?? .unspecified
            $0.products = list(row.products, row.n_products).map(product)
            $0.uncataloguedSkus = list(row.uncatalogued_skus, row.n_uncatalogued_skus).map(uncatalogued)
            $0.uncataloguedSkuCount = row.uncatalogued_sku_count
            guard let freshness = row.freshness?.pointee else { return }
            $0.freshness.sources = list(freshness.sources, freshness.n_sources).map { source in
                .with {
                    $0.source = PBSource(rawValue: Int(source.source.rawValue)) ?? .unspecified
                    $0.status = PBCoverageStatus(rawValue: Int(source.status.rawValue)) ?? .unspecified
                    $0.through = text(source.through)
                }
            }
            $0.freshness.workloads = list(freshness.workloads, freshness.n_workloads).map { workload in
                .with {
                    $0.workloadCode = text(workload.workload_code)
                    $0.status = PBCoverageStatus(rawValue: Int(workload.status.rawValue)) ?? .unspecified
                    $0.through = text(workload.through)
                }
            }
        }
    }

    private static func uncatalogued(_ row: Partner__Insights__V1__UncataloguedSku) -> PBUncataloguedSku {
        .with {
            $0.skuID = text(row.sku_id)
            $0.sold = row.sold
        }
    }

    private static func product(_ row: Partner__Insights__V1__ProductInsights) -> PBProductInsights {
        .with {
            $0.product = PBProduct(rawValue: Int(row.product.rawValue)) ?? .unspecified
            if let licenses = row.licenses { $0.licenses = self.licenses(licenses.pointee) }
            $0.skus = list(row.skus, row.n_skus).map { sku in
                .with {
                    $0.skuID = text(sku.sku_id)
                    $0.skuName = text(sku.sku_name)
                    if let licenses = sku.licenses { $0.licenses = self.licenses(licenses.pointee) }
                }
            }
            if let usage = row.usage { $0.usage = self.usage(usage.pointee) }
            $0.workloads = list(row.workloads, row.n_workloads).map { workload in
                .with {
                    $0.workloadCode = text(workload.workload_code)
                    $0.workloadName = text(workload.workload_name)
                    if let usage = workload.usage { $0.usage = self.usage(usage.pointee) }
                }
            }
        }
    }

    private static func licenses(_ row: Partner__Insights__V1__LicenseFigures) -> PBLicenseFigures {
        .with {
            if row.maybe_sold_case.rawValue != 0 { $0.sold = row.sold }
            if row.maybe_entitled_case.rawValue != 0 { $0.entitled = row.entitled }
            if row.maybe_trial_case.rawValue != 0 { $0.trial = row.trial }
            if row.maybe_uncounted_case.rawValue != 0 { $0.uncounted = row.uncounted }
            if row.maybe_assigned_case.rawValue != 0 { $0.assigned = row.assigned }
            if row.maybe_assigned_unsold_case.rawValue != 0 { $0.assignedUnsold = row.assigned_unsold }
            if row.maybe_assigned_lower_case.rawValue != 0 { $0.assignedLower = row.assigned_lower }
            if row.maybe_assigned_upper_case.rawValue != 0 { $0.assignedUpper = row.assigned_upper }
            $0.attribution = PBAttribution(rawValue: Int(row.attribution.rawValue)) ?? .unspecified
            if let ratio = row.deployment { $0.deployment = self.ratio(ratio.pointee) }
        }
    }

    private static func usage(_ row: Partner__Insights__V1__UsageFigures) -> PBUsageFigures {
        .with {
            $0.activeUsers = row.active_users
            if row.maybe_total_users_case.rawValue != 0 { $0.totalUsers = row.total_users }
            if row.maybe_entitlements_case.rawValue != 0 { $0.entitlements = row.entitlements }
            if let ratio = row.usage { $0.usage = self.ratio(ratio.pointee) }
            if let ratio = row.usage_per_entitlement { $0.usagePerEntitlement = self.ratio(ratio.pointee) }
            $0.windowStart = text(row.window_start)
            $0.windowEnd = text(row.window_end)
        }
    }

    private static func ratio(_ row: Partner__Insights__V1__Ratio) -> PBRatio {
        .with {
            $0.definition = PBRatioDefinition(rawValue: Int(row.definition.rawValue)) ?? .unspecified
            $0.numerator = row.numerator
            $0.denominator = row.denominator
            if row.maybe_percent_case.rawValue != 0 { $0.percent = row.percent }
        }
    }

    private static func comparison(_ row: Partner__Insights__V1__LicenseComparison) -> PBLicenseComparison {
        .with {
            $0.product = PBProduct(rawValue: Int(row.product.rawValue)) ?? .unspecified
            $0.skuID = text(row.sku_id)
            $0.skuName = text(row.sku_name)
            if let own = row.own { $0.own = licenses(own.pointee) }
            if let all = row.all_partners { $0.allPartners = licenses(all.pointee) }
            if row.maybe_direct_sold_case.rawValue != 0 { $0.directSold = row.direct_sold }
            if row.maybe_other_partners_sold_case.rawValue != 0 { $0.otherPartnersSold = row.other_partners_sold }
            if row.maybe_unknown_sold_case.rawValue != 0 { $0.unknownSold = row.unknown_sold }
            if row.maybe_own_share_percent_case.rawValue != 0 { $0.ownSharePercent = row.own_share_percent }
        }
    }

    private static func exportRow(_ row: Partner__Insights__V1__ExportRow) -> PBExportRow {
        .with {
            $0.date = text(row.date)
            $0.customerID = text(row.customer_id)
            $0.customerName = text(row.customer_name)
            $0.market = text(row.market)
            $0.product = PBProduct(rawValue: Int(row.product.rawValue)) ?? .unspecified
            if row.maybe_own_sold_case.rawValue != 0 { $0.ownSold = row.own_sold }
            if row.maybe_own_entitled_case.rawValue != 0 { $0.ownEntitled = row.own_entitled }
            if row.maybe_all_sold_case.rawValue != 0 { $0.allSold = row.all_sold }
            if row.maybe_all_entitled_case.rawValue != 0 { $0.allEntitled = row.all_entitled }
            if row.maybe_trial_case.rawValue != 0 { $0.trial = row.trial }
            if row.maybe_uncounted_case.rawValue != 0 { $0.uncounted = row.uncounted }
            if row.maybe_assigned_case.rawValue != 0 { $0.assigned = row.assigned }
            if row.maybe_assigned_unsold_case.rawValue != 0 { $0.assignedUnsold = row.assigned_unsold }
            if row.maybe_deployment_percent_case.rawValue != 0 { $0.deploymentPercent = row.deployment_percent }
            if row.maybe_active_users_case.rawValue != 0 { $0.activeUsers = row.active_users }
            if row.maybe_total_users_case.rawValue != 0 { $0.totalUsers = row.total_users }
            if row.maybe_entitlements_case.rawValue != 0 { $0.entitlements = row.entitlements }
            if row.maybe_usage_percent_case.rawValue != 0 { $0.usagePercent = row.usage_percent }
            if row.maybe_usage_per_entitlement_percent_case.rawValue != 0 {
                $0.usagePerEntitlementPercent = row.usage_per_entitlement_percent
            }
            $0.subscriptionsThrough = text(row.subscriptions_through)
            $0.assignmentsThrough = text(row.assignments_through)
            $0.activityThrough = text(row.activity_through)
        }
    }
}
