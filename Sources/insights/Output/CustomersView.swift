import InsightsAPI

/// Customers with their figures summed over the products shown.
struct CustomersView {
    var customers: [PBCustomerInsights]
    var total: Int
    var screen: Screen

    func text() -> String {
        if customers.isEmpty { return "No customers.\n" }
        var table = TextTable([
            .text("Customer"), .text("Name"), .number("Sold"), .number("Assigned"), .number("Deployment"),
            .number("Active users"), .number("Total users"), .number("Usage"), .text(""), .text("Activity through"),
        ])
        for customer in customers {
            let sums = CustomerSums(customer)
            table.add([
                customer.customerID, customer.customerName, NumberText.count(sums.sold), mark(sums, sums.assigned),
                sums.sold == nil || sums.assigned == nil
                    ? NumberText.notReported : (sums.isEstimated ? "~" : "") + NumberText.percent(sums.deployment),
                NumberText.count(sums.active), NumberText.count(sums.total),
                sums.active == nil || sums.total == nil ? NumberText.notReported : NumberText.percent(sums.usage),
                BarText.bar(sums.usage, screen: screen), customer.freshness.cell(.activity),
            ])
        }
        table.dropIdleColumns([""])
        let asOf = Set(customers.map(\.asOf)).sorted()
        let days = asOf.count == 1 ? "as of \(asOf[0])" : "each as of its last reported day"
        let shown =
            (total > customers.count ? "\(NumberText.count(Int64(customers.count))) of " : "")
            + NumberText.count(max(total, customers.count), "customer", "customers")
        return "\(shown) \(days)\n\n" + table.text()
    }

    private func mark(_ sums: CustomerSums, _ value: Int64?) -> String {
        (sums.isEstimated && value != nil ? "~" : "") + NumberText.count(value)
    }

    static func rows(_ customers: [PBCustomerInsights]) -> [[String]] {
        [
            [
                "customer_id", "customer_name", "as_of", "sold", "assigned", "deployment_percent", "active_users",
                "total_users", "usage_percent", "subscriptions_through", "assignments_through", "activity_through",
            ]
        ]
            + customers.map { customer in
                let sums = CustomerSums(customer)
                let through = { (source: PBSource) in customer.freshness.coverage(source)?.through ?? "" }
                return [
                    customer.customerID, customer.customerName, customer.asOf, NumberText.machine(sums.sold),
                    NumberText.machine(sums.assigned), NumberText.machine(sums.deployment),
                    NumberText.machine(sums.active), NumberText.machine(sums.total), NumberText.machine(sums.usage),
                    through(.subscriptions), through(.assignments), through(.activity),
                ]
            }
    }
}

/// Counts summed over products. Those of licenses are absent when any product lacks them, those of usage sum the
/// products that have them, as filters and orders do. Ratios come from the sums.
struct CustomerSums {
    var sold: Int64?
    var assigned: Int64?
    var active: Int64?
    var total: Int64?
    var isEstimated: Bool

    init(_ customer: PBCustomerInsights) {
        var products = customer.products
        let sum = { (value: (PBProductInsights) -> Int64?) -> Int64? in
            products.reduce(into: products.isEmpty ? nil : Int64(0)) { total, product in
                guard let known = total, let next = value(product) else {
                    total = nil
                    return
                }
                let (result, overflow) = known.addingReportingOverflow(next)
                total = overflow ? nil : result
            }
        }
        sold = sum { $0.licenses.hasSold ? $0.licenses.sold : nil }
        assigned = sum { $0.licenses.hasAssigned ? $0.licenses.assigned : nil }
        products = products.filter(\.hasUsage)
        active = sum { $0.usage.activeUsers }
        total = sum { $0.usage.hasTotalUsers ? $0.usage.totalUsers : nil }
        isEstimated = products.contains { $0.licenses.attribution == .estimated }
    }

    var deployment: Double? { NumberText.share(assigned, of: sold) }
    var usage: Double? { NumberText.share(active, of: total) }
}
