import InsightsAPI

/// The figures of one product: of the portfolio, or of one customer.
extension PageView {
    /// - Parameters:
    ///   - own: the same product with own licenses only; nil where nobody asked.
    ///   - customer: whose figures they are; empty for the portfolio.
    func productCard(
        _ html: inout HTML, _ all: PBProductInsights, own: PBProductInsights?, customer: String = ""
    ) {
        card(&html, all.product.title, "product") { html in
            if all.isIdle { return nothing(&html, words.noLicenses) }
            html.put(.div, .class("kpis")) { html in
                deployment(&html, all, customer)
                usage(&html, all, customer)
            }
            html.put(.div, .class("pair")) { html in
                html.put(.div) { licenses(&$0, all, own) }
                if !all.workloads.isEmpty { html.put(.div) { workloads(&$0, all, customer) } }
            }
        }
    }

    /// What is behind a figure, on the day that is looked at.
    private func behind(_ page: String, _ customer: String, _ query: (String, String)...) -> Link {
        var query = query
        if !customer.isEmpty { query.append(("customer", customer)) }
        if let day = self.query["as_of"] { query.append(("as_of", day)) }
        return Link(page, query: query)
    }

    private func kpi(
        _ html: inout HTML, _ title: String, _ more: String, _ link: Link, _ ratio: PBRatio?, bar: String,
        sentence: (String, String, Bool) -> String
    ) {
        html.put(.div, .class("kpi")) { html in
            html.put(.h3) { html in
                html.put(.a, .class("behind"), .href(link), text: title)
                html.put(.small, text: more)
            }
            guard let ratio else {
                return html.put(.p, .class("big")) { absent(&$0) }
            }
            let (one, whole) = (numerals.count(ratio.numerator), numerals.count(ratio.denominator))
            let said = sentence(one, whole, ratio.numerator > ratio.denominator || ratio.denominator == 0)
            html.put(.p, .class("big")) { html in
                html.put(.span, text: percent(ratio))
                html.put(.small, .class("of"), text: said)
            }
            if ratio.hasPercent { html.add(PercentBarSVG(percent: ratio.percent, name: bar).svg()) }
        }
    }

    private func deployment(_ html: inout HTML, _ all: PBProductInsights, _ customer: String) {
        kpi(
            &html, words.deployment, words.ofAllSellers, behind("compare", customer, ("product", all.product.code)),
            all.hasLicenses ? all.licenses.deploymentIfTold : nil, bar: "deploy",
            sentence: words.assignedOf)
    }

    private func usage(_ html: inout HTML, _ all: PBProductInsights, _ customer: String) {
        kpi(
            &html, words.usage, words.inTheWindow, behind("explain", customer, ("product", all.product.code)),
            all.usageFigures?.usageIfTold, bar: "use", sentence: words.activeOf)
    }

    /// Own licenses beside those of all sellers.
    private func licenses(_ html: inout HTML, _ all: PBProductInsights, _ own: PBProductInsights?) {
        let figures = all.hasLicenses ? all.licenses : PBLicenseFigures()
        let ownFigures = own.map { $0.hasLicenses ? $0.licenses : PBLicenseFigures() }
        table(&html, caption: "\(all.product.title): \(words.licenses)", "figures") { html in
            head(&html, [words.licenses] + (own == nil ? [] : ["#" + words.own]) + ["#" + words.allSellers])
            html.put(.tbody) { html in
                func row(_ title: String, _ meaning: String, _ figure: (PBLicenseFigures) -> Int64?) {
                    html.put(.tr) { html in
                        html.put(.th, .scope("row"), .title(meaning), text: title)
                        if let ownFigures { countCell(&html, figure(ownFigures)) }
                        countCell(&html, figure(figures))
                    }
                }
                row(words.sold, words.soldMeaning, \.soldIfTold)
                row(words.entitled, words.entitledMeaning, \.entitledIfTold)
                row(words.trial, words.trialMeaning, \.trialIfTold)
                row(words.uncounted, words.uncountedMeaning, \.uncountedIfTold)
                html.put(.tr) { html in
                    html.put(.th, .scope("row"), .title(words.assignedMeaning), text: words.assigned)
                    if let ownFigures { assignedCell(&html, ownFigures) }
                    assignedCell(&html, figures)
                }
                row(words.assignedUnsold, words.assignedUnsoldMeaning, \.assignedUnsoldIfTold)
                html.put(.tr) { html in
                    html.put(.th, .scope("row"), text: words.deployment)
                    if let ownFigures { deploymentCell(&html, ownFigures) }
                    deploymentCell(&html, figures)
                }
            }
        }
        deploymentNote(&html, figures)
        if ownFigures?.isEstimated ?? false { note(&html, words.estimateNote) }
    }

    private func workloads(_ html: inout HTML, _ product: PBProductInsights, _ customer: String) {
        table(&html, caption: "\(product.product.title): \(words.usage)", "figures") { html in
            head(&html, [words.workload, "#" + words.usage, "#" + words.perEntitlement])
            html.put(.tbody) { html in
                html.put(.tr, .class("total")) { html in
                    html.put(.th, .scope("row"), text: words.wholeProduct)
                    usageCells(&html, product.usageFigures)
                }
                for workload in product.workloads {
                    html.put(.tr) { html in
                        html.put(.th, .scope("row")) {
                            $0.put(
                                .a, .class("behind"),
                                .href(
                                    behind(
                                        "explain", customer, ("product", product.product.code),
                                        ("workload", workload.workloadCode))),
                                text: workload.workloadName.isEmpty ? workload.workloadCode : workload.workloadName)
                        }
                        usageCells(&html, workload.hasUsage ? workload.usage : nil)
                    }
                }
            }
        }
    }

    private func usageCells(_ html: inout HTML, _ usage: PBUsageFigures?) {
        usageCell(&html, usage)
        ratioCell(&html, usage?.perEntitlementIfTold, bar: "use")
    }
}
