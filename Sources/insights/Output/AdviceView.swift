import InsightsAPI

/// Advice as short paragraphs with the figures that triggered it.
struct AdviceView {
    var recommendations: [PBRecommendation]
    var words: AdviceWords
    var heading: String
    var screen: Screen

    func text() -> String {
        if recommendations.isEmpty { return heading + "\n\n\(words.nothing)\n" }
        var text = heading + "\n"
        var customer: String?
        for item in recommendations {
            if item.customerID != customer {
                customer = item.customerID
                text += "\n\(item.customerID)\n"
            }
            text += "\n  \(words.title(of: item.kind)) · \(words.title(of: item.product))\n"
            for paragraph in [item.problem, item.consider, item.tryThis] {
                text += paragraph.wrapped(width: screen.width, indent: "    ")
            }
            let evidence = item.evidence.map { "\($0.name) \(shortened($0))" }.joined(separator: ", ")
            if !evidence.isEmpty { text += "[\(evidence)]".wrapped(width: screen.width, indent: "    ") }
        }
        return text
    }

    /// Percentages come unrounded.
    private func shortened(_ evidence: PBEvidence) -> String {
        guard evidence.name.hasSuffix("_percent"), let number = Double(evidence.value) else { return evidence.value }
        return "\((number * 10).rounded() / 10)"
    }

    static func rows(_ recommendations: [PBRecommendation]) -> [[String]] {
        [["customer_id", "kind", "product", "problem", "consider", "try_this", "evidence"]]
            + recommendations.map { item in
                [
                    item.customerID, item.kind.code, item.product.code, item.problem, item.consider, item.tryThis,
                    item.evidence.map { "\($0.name)=\($0.value)" }.joined(separator: "; "),
                ]
            }
    }
}

/// The headings of advice, in the language of its texts.
enum AdviceWords {
    case english
    case dutch

    /// As the server takes a language code: the primary subtag counts, and anything but Dutch is English.
    init(language: String) {
        let primary = language.split(separator: "-").first.map { $0.lowercased() }
        self = primary == "nl" ? .dutch : .english
    }

    /// - Parameter day: empty for the default day.
    func heading(customer: String?, day: String) -> String {
        switch self {
        case .english: "Advice for \(customer ?? "the portfolio")" + (day.isEmpty ? "" : " as of \(day)")
        case .dutch: "Advies voor \(customer ?? "de portefeuille")" + (day.isEmpty ? "" : " per \(day)")
        }
    }

    var nothing: String { self == .dutch ? "Geen advies." : "Nothing to advise." }

    func title(of product: PBProduct) -> String {
        if self == .dutch, product == .unspecified { return "alle producten" }
        return product.title
    }

    func title(of kind: PBRecommendationKind) -> String {
        guard self == .dutch else { return kind.title }
        return switch kind {
        case .showTheValue: "Laat de waarde zien"
        case .offerTraining: "Bied training aan"
        case .convertTrial: "Zet het proefabonnement om"
        case .reclaimLicenses: "Haal licenties terug"
        case .licenseTheUsers: "Geef gebruikers een licentie"
        case .resolveSubscription: "Breng het abonnement op orde"
        default: "Advies"
        }
    }
}
