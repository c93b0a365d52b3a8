import InsightsAPI

/// How figures stand in a page. What is absent is said in words: it is never a zero, and never an empty cell.
extension PageView {
    /// A count, or the words for none.
    func count(_ value: Int64?) -> String { value.map(numerals.count) ?? words.notReported }

    /// - Parameter label: of the column, for screens on which a row is a card.
    func countCell(_ html: inout HTML, _ value: Int64?, label: String? = nil) {
        guard let value else { return absentCell(&html, label: label) }
        html.put(.td, .class("n"), column(label), text: numerals.count(value))
    }

    func absentCell(_ html: inout HTML, label: String? = nil) {
        html.put(.td, .class("n"), column(label)) { absent(&$0) }
    }

    func column(_ label: String?) -> Attribute? { label.map { .with("data-label", $0) } }

    func absent(_ html: inout HTML) {
        html.put(.span, .class("nr"), text: words.notReported)
    }

    /// Own licenses that are assigned: an estimate with its bounds, or a count.
    func assignedCell(_ html: inout HTML, _ licenses: PBLicenseFigures, label: String? = nil) {
        guard licenses.hasAssigned else { return absentCell(&html, label: label) }
        html.put(.td, .class("n"), column(label)) { html in
            html.write(
                licenses.isEstimated ? "≈ " + numerals.count(licenses.assigned) : numerals.count(licenses.assigned))
            if let (lower, upper) = licenses.bounds {
                html.put(.small, .class("of"), text: "\(numerals.count(lower))–\(numerals.count(upper))")
            }
        }
    }

    /// A percentage with the counts that it is made of, and a bar.
    func ratioCell(_ html: inout HTML, _ ratio: PBRatio?, bar name: String, label: String? = nil) {
        guard let ratio else { return absentCell(&html, label: label) }
        html.put(.td, .class("n ratio"), column(label)) { html in
            html.put(.span, .class("pct"), text: percent(ratio))
            html.put(.small, .class("of"), text: counts(ratio))
            if ratio.hasPercent { html.add(PercentBarSVG(percent: ratio.percent, name: name).svg()) }
        }
    }

    /// With the bounds of what is estimated.
    func deploymentCell(_ html: inout HTML, _ licenses: PBLicenseFigures?, label: String? = nil) {
        guard let licenses, licenses.hasDeployment else { return absentCell(&html, label: label) }
        guard licenses.isEstimated else { return ratioCell(&html, licenses.deployment, bar: "deploy", label: label) }
        let ratio = licenses.deployment
        html.put(.td, .class("n ratio"), column(label)) { html in
            html.put(.span, .class("pct"), text: "≈ " + percent(ratio))
            html.put(.small, .class("of"), text: counts(ratio))
            if ratio.hasPercent {
                html.add(
                    PercentBarSVG(percent: ratio.percent, name: "deploy", bounds: licenses.deploymentBounds).svg())
            }
            if let range = range(licenses) { html.put(.small, .class("range"), text: range) }
        }
    }

    /// The bounds of an estimated deployment: in counts, where they round to one percentage.
    func range(_ licenses: PBLicenseFigures) -> String? {
        guard let (lower, upper) = licenses.deploymentBounds, let counts = licenses.bounds else { return nil }
        let (low, high) = (numerals.percent(lower), numerals.percent(upper))
        guard low == high else { return "\(low) – \(high)" }
        return "\(numerals.count(counts.0)) – \(numerals.count(counts.1)) \(words.evidenceName("assigned"))"
    }

    /// Why deployment is of less than what is sold.
    func deploymentNote(_ html: inout HTML, _ licenses: PBLicenseFigures) {
        guard licenses.hasSold, licenses.hasDeployment, licenses.deployment.denominator < licenses.sold else { return }
        note(
            &html,
            words.deploymentCovers(numerals.count(licenses.deployment.denominator), of: numerals.count(licenses.sold)))
    }

    /// Where there is no percentage, who was active is told all the same.
    func usageCell(_ html: inout HTML, _ usage: PBUsageFigures?) {
        if let usage, !usage.hasUsage {
            return html.put(.td, .class("n")) { html in
                absent(&html)
                html.put(.small, .class("of"), text: "\(numerals.count(usage.activeUsers)) \(words.usersActive)")
            }
        }
        ratioCell(&html, usage?.usageIfTold, bar: "use")
    }

    /// One decimal; a dash where there is no denominator.
    func percent(_ ratio: PBRatio) -> String { ratio.hasPercent ? numerals.percent(ratio.percent) : "–" }

    /// `29 of 40`, or `24 / 15`: nobody says *24 of 15*.
    func counts(_ ratio: PBRatio) -> String {
        let between = ratio.numerator > ratio.denominator ? "/" : words.of
        return "\(numerals.count(ratio.numerator)) \(between) \(numerals.count(ratio.denominator))"
    }

    /// `72.4 % (29 of 40)`, or the words for none.
    func sentence(_ ratio: PBRatio?) -> String {
        ratio.map { "\(percent($0)) (\(counts($0)))" } ?? words.notReported
    }

    func table(_ html: inout HTML, caption: String, _ classes: String = "", content: (inout HTML) -> Void) {
        html.put(.div, .class("scroll"), .with("tabindex", "0"), .role("region"), .label(caption)) { html in
            html.put(.table, classes.isEmpty ? nil : .class(classes)) { html in
                html.put(.caption, .class("off"), text: caption)
                content(&html)
            }
        }
    }

    /// Headings of columns: those that begin with `#` are of numbers.
    func head(_ html: inout HTML, _ titles: [String]) {
        html.put(.thead) { html in
            html.put(.tr) { html in
                for title in titles {
                    let isNumber = title.hasPrefix("#")
                    html.put(
                        .th, .scope("col"), isNumber ? .class("n") : nil,
                        text: isNumber ? String(title.dropFirst()) : title)
                }
            }
        }
    }

    /// A name of the outside: it turns nothing around it.
    func customerLink(_ html: inout HTML, id: String, name: String) {
        html.put(.a, .href(Link("customers", id))) { html in
            html.put(.bdi, text: name.isEmpty ? id : name)
        }
    }
}

extension PBLicenseFigures {
    var isEstimated: Bool { attribution == .estimated }
    /// Of an estimate.
    var bounds: (Int64, Int64)? {
        isEstimated && hasAssignedLower && hasAssignedUpper ? (assignedLower, assignedUpper) : nil
    }
    var deploymentBounds: (Double, Double)? {
        // Not of `sold`: customers whose assignments are not reported are in that and not in the ratio.
        guard let bounds, hasDeployment, deployment.denominator > 0 else { return nil }
        let whole = Double(deployment.denominator)
        return (100 * Double(bounds.0) / whole, 100 * Double(bounds.1) / whole)
    }
    var soldIfTold: Int64? { hasSold ? sold : nil }
    var entitledIfTold: Int64? { hasEntitled ? entitled : nil }
    var trialIfTold: Int64? { hasTrial ? trial : nil }
    var uncountedIfTold: Int64? { hasUncounted ? uncounted : nil }
    var assignedIfTold: Int64? { hasAssigned ? assigned : nil }
    var assignedUnsoldIfTold: Int64? { hasAssignedUnsold ? assignedUnsold : nil }
    var deploymentIfTold: PBRatio? { hasDeployment ? deployment : nil }
}

extension PBUsageFigures {
    var totalIfTold: Int64? { hasTotalUsers ? totalUsers : nil }
    var entitlementsIfTold: Int64? { hasEntitlements ? entitlements : nil }
    var usageIfTold: PBRatio? { hasUsage ? usage : nil }
    var perEntitlementIfTold: PBRatio? { hasUsagePerEntitlement ? usagePerEntitlement : nil }
}

extension PBProductInsights {
    /// Nobody has bought, holds or uses anything of it: reported, and nothing.
    var isIdle: Bool {
        hasLicenses && licenses.hasSold && licenses.sold == 0 && licenses.trial == 0 && licenses.uncounted == 0
            && licenses.assignedUnsold == 0 && (!hasUsage || usage.activeUsers == 0)
    }
    var usageFigures: PBUsageFigures? { hasUsage ? usage : nil }
}

extension PBProduct {
    var title: String {
        switch self {
        case .office365: "Office 365"
        case .dynamics365: "Dynamics 365"
        default: ""
        }
    }

    /// In a query.
    var code: String {
        switch self {
        case .office365: "office_365"
        case .dynamics365: "dynamics_365"
        default: ""
        }
    }
}
