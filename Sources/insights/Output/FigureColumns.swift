import InsightsAPI

/// A column of figures, in tables for people and in CSV.
struct FigureColumn<Figures>: Sendable {
    /// In CSV.
    let name: String
    /// In tables; nil where only machines are interested.
    let title: String?
    let text: @Sendable (Figures) -> String
    let machine: @Sendable (Figures) -> String
    /// One number, also where own sales and all sellers stand side by side.
    var isSameInEitherScope = false
    /// Left out of tables in which it says nothing.
    var isDroppedWhenIdle = false

    var heading: TextTable.Column { .number(title ?? name) }

    static func count(
        _ name: String, _ title: String?, isSameInEitherScope: Bool = false, isDroppedWhenIdle: Bool = false,
        _ value: @escaping @Sendable (Figures) -> Int64?
    ) -> FigureColumn {
        FigureColumn(
            name: name, title: title, text: { NumberText.count(value($0)) }, machine: { NumberText.machine(value($0)) },
            isSameInEitherScope: isSameInEitherScope, isDroppedWhenIdle: isDroppedWhenIdle)
    }

    static func ratio(
        _ name: String, _ title: String, _ value: @escaping @Sendable (Figures) -> PBRatio?
    ) -> FigureColumn {
        FigureColumn(
            name: name, title: title, text: { NumberText.percent(value($0)) },
            machine: { figures in
                let ratio = value(figures)
                return NumberText.machine(ratio?.hasPercent == true ? ratio?.percent : nil)
            })
    }
}

/// The license figures: the one list that tables and CSV take them from.
enum LicenseColumns {
    typealias Column = FigureColumn<PBLicenseFigures>

    static let sold = Column.count("sold", "Sold") { $0.hasSold ? $0.sold : nil }
    static let assigned = Column(
        name: "assigned", title: "Assigned", text: NumberText.assigned,
        machine: { NumberText.machine($0.hasAssigned ? $0.assigned : nil) })
    static let deployment = Column(
        name: "deployment_percent", title: "Deployment", text: NumberText.deployment,
        machine: { NumberText.machine($0.deployment.hasPercent ? $0.deployment.percent : nil) })

    static let all = [
        sold,
        .count("entitled", "Entitled") { $0.hasEntitled ? $0.entitled : nil },
        .count("trial", "Trial", isDroppedWhenIdle: true) { $0.hasTrial ? $0.trial : nil },
        .count("uncounted", "Uncounted", isSameInEitherScope: true, isDroppedWhenIdle: true) {
            $0.hasUncounted ? $0.uncounted : nil
        },
        assigned,
        .count("assigned_lower", nil) { $0.hasAssignedLower ? $0.assignedLower : nil },
        .count("assigned_upper", nil) { $0.hasAssignedUpper ? $0.assignedUpper : nil },
        .count("assigned_unsold", "Assigned unsold", isSameInEitherScope: true, isDroppedWhenIdle: true) {
            $0.hasAssignedUnsold ? $0.assignedUnsold : nil
        },
        Column(name: "attribution", title: nil, text: \.attribution.code, machine: \.attribution.code),
        deployment,
    ]

    static let shown = all.filter { $0.title != nil }
}

/// The usage figures, nil where activity is not reported: the one list that tables and CSV take them from.
enum UsageColumns {
    typealias Column = FigureColumn<PBUsageFigures?>

    static let active = Column.count("active_users", "Active users") { $0?.activeUsers }
    static let total = Column.count("total_users", "Total users") { $0?.hasTotalUsers == true ? $0?.totalUsers : nil }
    static let usage = Column.ratio("usage_percent", "Usage") { $0?.hasUsage == true ? $0?.usage : nil }

    static let all = [
        active,
        total,
        .count("entitlements", "Entitlements") { $0?.hasEntitlements == true ? $0?.entitlements : nil },
        usage,
        .ratio("usage_per_entitlement_percent", "Per entitlement") {
            $0?.hasUsagePerEntitlement == true ? $0?.usagePerEntitlement : nil
        },
    ]
}

extension Array {
    func names<Figures>() -> [String] where Element == FigureColumn<Figures> { map(\.name) }

    func texts<Figures>(_ figures: Figures) -> [String] where Element == FigureColumn<Figures> {
        map { $0.text(figures) }
    }

    func machine<Figures>(_ figures: Figures) -> [String] where Element == FigureColumn<Figures> {
        map { $0.machine(figures) }
    }
}

extension PBProductInsights {
    var reportedUsage: PBUsageFigures? { hasUsage ? usage : nil }
}

extension PBWorkloadUsage {
    var reportedUsage: PBUsageFigures? { hasUsage ? usage : nil }
}

extension PBTrendPoint {
    var reportedUsage: PBUsageFigures? { hasUsage ? usage : nil }
}
