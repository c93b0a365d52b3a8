import InsightsAPI

/// The figures of one customer over several products, as filter and order of the API sum them: percentages of summed
/// counts; usage of the products of which activity is reported.
struct FigureSum: Sendable {
    var sold: Int64?
    var assigned: Int64?
    var active: Int64?
    /// Of what is assigned, where the part of a product is an estimate.
    private(set) var isEstimated = false
    private var lower: Int64?
    private var upper: Int64?
    var deployment: PBRatio?
    var usage: PBRatio?

    init(_ products: [PBProductInsights]) {
        for product in products {
            if product.hasLicenses {
                sold = Self.sum(sold, product.licenses.soldIfTold)
                assigned = Self.sum(assigned, product.licenses.assignedIfTold)
                deployment = Self.sum(deployment, product.licenses.deploymentIfTold)
                let bounds = product.licenses.bounds
                isEstimated = isEstimated || bounds != nil
                lower = Self.sum(lower, bounds?.0 ?? product.licenses.assignedIfTold)
                upper = Self.sum(upper, bounds?.1 ?? product.licenses.assignedIfTold)
            }
            if product.hasUsage {
                active = Self.sum(active, product.usage.activeUsers)
                usage = Self.sum(usage, product.usage.usageIfTold)
            }
        }
    }

    /// As one product's, with the bounds of what is estimated.
    var licenses: PBLicenseFigures {
        var licenses = PBLicenseFigures()
        if let assigned { licenses.assigned = assigned }
        if let deployment { licenses.deployment = deployment }
        if isEstimated, let lower, let upper {
            licenses.attribution = .estimated
            (licenses.assignedLower, licenses.assignedUpper) = (lower, upper)
        }
        return licenses
    }

    private static func sum(_ one: Int64?, _ other: Int64?) -> Int64? {
        guard let other else { return one }
        return (one ?? 0).addingReportingOverflow(other).partialValue
    }

    private static func sum(_ one: PBRatio?, _ other: PBRatio?) -> PBRatio? {
        guard let one, let other else { return one ?? other }
        var sum = one
        sum.numerator = one.numerator.addingReportingOverflow(other.numerator).partialValue
        sum.denominator = one.denominator.addingReportingOverflow(other.denominator).partialValue
        sum.clearPercent()
        if sum.denominator > 0 { sum.percent = 100 * Double(sum.numerator) / Double(sum.denominator) }
        return sum
    }
}
