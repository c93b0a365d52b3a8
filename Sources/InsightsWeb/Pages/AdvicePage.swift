import InsightsAPI
import RPCEngine
import Tenancy

/// `/advice`: what to do, for whom, and by which figures.
struct AdvicePage: Page {
    static let pattern = "/advice"
    static let permission = Permission.readInsights
    static let section = Section.advice

    let customer: PBCustomer?
    let asOf: String
    /// Nil for the portfolio.
    private let day: ListDay?
    let pieces: [PBRecommendation]
    let total: Int32
    let nextToken: String
    let names: [String: String]
    let skus: [String: String]

    private static let pageSize: Int32 = 25
    /// Of a kind: the API has no filter by kind, so a page looks at so many pieces of every kind, and goes on there.
    private static let lookedAt: Int32 = 250
    private static let mostPages = 8

    init(_ load: PageLoad) throws(RPCStatus) {
        customer = try load.customer()
        let kind = try Self.kind(load.query)
        var request = PBListRecommendationsRequest()
        request.customerID = load.customerID
        day = customer == nil ? nil : try load.listDay()
        if let told = day?.asOf ?? load.query["as_of"] { asOf = told } else { asOf = try load.lastDay() }
        request.asOf = asOf
        request.products = try load.query.products()
        request.languageCode = load.language.rawValue
        request.pageSize = kind == nil ? Self.pageSize : Self.lookedAt
        request.pageToken = load.query["page"] ?? ""
        var reply: PBListRecommendationsResponse = try load.call(.listRecommendations, request)
        var pieces = reply.recommendations.filter { kind == nil || $0.kind == kind }
        var pages = 1
        while kind != nil, pieces.count < Self.pageSize, !reply.nextPageToken.isEmpty, pages < Self.mostPages {
            request.pageToken = reply.nextPageToken
            reply = try load.call(.listRecommendations, request)
            pieces += reply.recommendations.filter { $0.kind == kind }
            pages += 1
        }
        self.pieces = pieces
        (total, nextToken) = (reply.totalSize, reply.nextPageToken)
        names = customer == nil ? try load.names(of: pieces.map(\.customerID)) : [:]
        skus = try load.skuNames()
    }

    private static func kind(_ query: PageQuery) throws(RPCStatus) -> PBRecommendationKind? {
        guard let code = query["kind"] else { return nil }
        guard let kind = PBRecommendationKind.byUrgency.first(where: { $0.code == code }) else {
            throw PageQuery.bad("kind", PBRecommendationKind.byUrgency.map(\.code).joined(separator: ", "))
        }
        return kind
    }

    func title(_ words: any Words) -> String { words.title(words.advice, customer) }

    /// The API counts pieces of every kind together; nothing is counted of one kind.
    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let isOfKind = view.query["kind"] != nil
        let counted =
            isOfKind ? "" : words.adviceCount(view.numerals.count(Int64(total)), isOne: total == 1) + " · "
        view.subject(
            &html, customer, .advice, title: words.advice,
            lead: counted + view.dayLine(asOf))
        view.form(&html, Link("advice")) { html in
            view.customerField(&html, customer)
            view.select(
                &html, "kind", words.kind,
                [("", words.allKinds)] + PBRecommendationKind.byUrgency.map { ($0.code, words.adviceKind($0)) })
            view.productSelect(&html)
            view.dayInput(&html, "as_of", words.day, value: asOf)
            view.submit(&html, words.show)
        }
        if pieces.isEmpty {
            let missing = [PBSource.subscriptions, .assignments, .activity].first { day?.isReported($0) == false }
            view.nothing(
                &html,
                missing.map { "\(words.noAdviceYet) \(words.sourceNotReported($0))" }
                    ?? (isOfKind ? words.noAdviceOfKind : words.noAdvice))
        } else {
            html.put(.ul, .class("advice cards")) { html in
                for piece in pieces {
                    html.put(.li, .class("card")) { view.advice(&$0, piece, name: names[piece.customerID], skus: skus) }
                }
            }
        }
        view.pager(&html, next: nextToken, asOf: asOf)
    }
}

extension PBRecommendationKind {
    /// What has a date comes first, then what costs people their access, then what takes longer.
    static let byUrgency: [PBRecommendationKind] = [
        .reclaimLicenses, .resolveSubscription, .convertTrial, .licenseTheUsers, .offerTraining, .showTheValue,
    ]

    /// In a query.
    var code: String {
        switch self {
        case .showTheValue: "show_the_value"
        case .offerTraining: "offer_training"
        case .convertTrial: "convert_trial"
        case .reclaimLicenses: "reclaim_licenses"
        case .licenseTheUsers: "license_the_users"
        case .resolveSubscription: "resolve_subscription"
        default: ""
        }
    }
}

extension PageView {
    /// Its kind, product and customer.
    func adviceHead(_ html: inout HTML, _ piece: PBRecommendation, name: String?) {
        html.put(.div, .class("advice-head")) { html in
            html.put(.h3, text: words.adviceKind(piece.kind))
            if !piece.product.title.isEmpty { html.put(.span, .class("badge"), text: piece.product.title) }
            if let name { customerLink(&html, id: piece.customerID, name: name) }
        }
    }

    /// - Parameter skus: their names by id, for evidence.
    func advice(_ html: inout HTML, _ piece: PBRecommendation, name: String?, skus: [String: String]) {
        adviceHead(&html, piece, name: name)
        html.put(.p, .class("problem"), text: piece.problem)
        html.put(.dl, .class("steps")) { html in
            html.put(.dt, text: words.consider)
            html.put(.dd, text: piece.consider)
            html.put(.dt, text: words.tryThis)
            html.put(.dd, text: piece.tryThis)
        }
        html.put(.ul, .class("evidence"), .label(words.evidence)) { html in
            var workload = ""
            for evidence in piece.evidence {
                // A figure of a workload follows its code.
                if evidence.name == "workload_code" {
                    workload = value(evidence, skus) + ": "
                    continue
                }
                html.put(.li) { html in
                    html.put(.span, text: workload + words.evidenceName(evidence.name))
                    html.put(.bdi, text: value(evidence, skus))
                }
                workload = ""
            }
        }
    }

    /// Values of evidence are for programs: counts and days are put in the language's form.
    private func value(_ evidence: PBEvidence, _ skus: [String: String]) -> String {
        if evidence.name.hasSuffix("percent"), let percent = Double(evidence.value) { return numerals.percent(percent) }
        switch evidence.value {
        case "true": return words.yes
        case "false": return words.no
        case let text:
            if evidence.name == "sku_id", let name = skus[text] { return name }
            if evidence.name.hasSuffix("_id") { return text }
            if evidence.name == "workload_code" { return words.workload(text) }
            if evidence.name == "term" { return words.term(text) }
            if let count = Int64(text) { return numerals.count(count) }
            return numerals.day(text)
        }
    }
}
