import InsightsAPI
import InsightsCore
import LicenseModel

/// The words of a piece of advice: the problem, what to consider, what to try. They follow the vendor's published
/// advice to partners.
struct AdviceText: Sendable {
    let language: Language

    func recommendation(_ row: RecommendationRow) -> PBRecommendation {
        let words = language == .dutch ? Self.dutch(row) : Self.english(row)
        var recommendation = PBRecommendation()
        recommendation.kind = PBRecommendationKind(rawValue: Int(row.kind.rawValue)) ?? .unspecified
        recommendation.customerID = row.customer.text
        if let product = row.product {
            recommendation.product = PBProduct(rawValue: Int(product.rawValue)) ?? .unspecified
        }
        recommendation.problem = words.problem
        recommendation.consider = words.consider
        recommendation.tryThis = words.tryThis
        recommendation.evidence = row.evidence.map { row in
            var evidence = PBEvidence()
            evidence.name = row.name
            evidence.value = Self.text(row.value)
            return evidence
        }
        return recommendation
    }

    /// Values are for programs too, so they do not depend on the language.
    static func text(_ value: EvidenceRow.Value) -> String {
        switch value {
        case .count(let count): String(count)
        // Unrounded: 59.99 is below a threshold of 60 and must not read as 60.
        case .percent(let percent): String(percent)
        case .workload(let workload): workload.code
        case .sku(let sku): sku.text
        case .subscription(let subscription): subscription.text
        case .day(let day): day.description
        case .term(let term): term.text
        case .flag(let flag): flag ? "true" : "false"
        }
    }

    private struct Words {
        let problem: String
        let consider: String
        let tryThis: String
    }

    /// What happens at the end of the terms that a piece of advice is about.
    private enum TermEnd {
        case ends, renews, either

        init(_ row: RecommendationRow) {
            let renews = Set(row.evidence.filter { $0.name == "auto_renew" }.map(\.value))
            switch (renews.contains(.flag(true)), renews.contains(.flag(false))) {
            case (true, false): self = .renews
            case (false, true): self = .ends
            default: self = .either
            }
        }
    }

    private static func english(_ row: RecommendationRow) -> Words {
        switch row.kind {
        case .showTheValue:
            Words(
                problem: "Adoption is low: many licenses are not assigned, or the people who have one do not use it.",
                consider: "People may not see what the product does for their own work.",
                tryThis: "Share case studies and testimonials about concrete scenarios, and how-to blogs and videos.")
        case .offerTraining:
            Words(
                problem: "People ask for help with how-to questions often.",
                consider: "They may be new to the software, to this version of it, or to their job.",
                tryThis: "Offer training, in person or online, together with self-service material, and update your "
                    + "support page with the questions asked most.")
        case .convertTrial:
            Words(
                problem: "People work with a trial, whose seats do not count as licenses.",
                consider: "They depend on it already; when the trial ends, so does their access.",
                tryThis: "Offer paid licenses for the people who use the trial, before it ends.")
        case .reclaimLicenses: englishReclaim(TermEnd(row))
        case .licenseTheUsers:
            Words(
                problem: "People use a workload for which they hold no license.",
                consider: "Usage above 100 % often comes from here; access may end without notice.",
                tryThis: "Find out who they are and offer licenses that cover the workload.")
        case .resolveSubscription:
            Words(
                problem: "People work on a subscription that is in grace, disabled or deprovisioned.",
                consider: "It no longer counts, and its users lose access when it is removed.",
                tryThis: "Renew it, or move its users to the customer's active subscription.")
        }
    }

    private static func englishReclaim(_ end: TermEnd) -> Words {
        switch end {
        case .ends:
            Words(
                problem: "Licenses that you sold are not assigned, and their subscription ends soon.",
                consider: "The customer pays for seats that nobody has, and does so again with a renewal as it is.",
                tryThis: "Assign them together with the customer, or offer a renewal with fewer licenses.")
        case .renews:
            Words(
                problem: "Licenses that you sold are not assigned, and their subscription renews by itself soon.",
                consider: "From that day on the customer pays for another term of seats that nobody has.",
                tryThis: "Assign them together with the customer, or lower the quantity before the day of renewal.")
        case .either:
            Words(
                problem: "Licenses that you sold are not assigned, and their subscriptions end or renew by "
                    + "themselves soon.",
                consider: "The customer pays for seats that nobody has, and goes on doing so with what renews by "
                    + "itself.",
                tryThis: "Assign them together with the customer, lower what renews by itself before its day, and "
                    + "offer a renewal with fewer licenses for the rest.")
        }
    }

    private static func dutch(_ row: RecommendationRow) -> Words {
        switch row.kind {
        case .showTheValue:
            Words(
                problem: "Het gebruik blijft achter: veel licenties zijn niet toegewezen, of wie er een heeft gebruikt "
                    + "die niet.",
                consider: "Mensen zien misschien niet wat het product voor hun eigen werk betekent.",
                tryThis: "Deel praktijkvoorbeelden en ervaringen met concrete situaties, en blogs en video's met "
                    + "uitleg.")
        case .offerTraining:
            Words(
                problem: "Mensen vragen vaak om hulp bij het gebruik.",
                consider: "Ze zijn misschien nieuw met de software, met deze versie ervan of in hun functie.",
                tryThis: "Bied training aan, op locatie of online, samen met materiaal voor zelfhulp, en werk de "
                    + "ondersteuningspagina bij met de meest gestelde vragen.")
        case .convertTrial:
            Words(
                problem: "Mensen werken met een proefabonnement, waarvan de plaatsen niet als licentie meetellen.",
                consider: "Ze rekenen er al op; met de proefperiode eindigt ook hun toegang.",
                tryThis: "Bied betaalde licenties aan voor wie het proefabonnement gebruikt, voordat het eindigt.")
        case .reclaimLicenses: dutchReclaim(TermEnd(row))
        case .licenseTheUsers:
            Words(
                problem: "Mensen gebruiken een onderdeel waarvoor zij geen licentie hebben.",
                consider: "Gebruik boven de 100 % komt vaak hiervandaan; de toegang kan zonder aankondiging eindigen.",
                tryThis: "Zoek uit wie dit zijn en bied licenties aan die het onderdeel omvatten.")
        case .resolveSubscription:
            Words(
                problem: "Mensen werken op een abonnement in de respijtperiode, of dat is uitgeschakeld of beëindigd.",
                consider: "Het telt niet meer mee, en de gebruikers verliezen hun toegang als het verdwijnt.",
                tryThis: "Verleng het, of zet de gebruikers over naar het actieve abonnement van de klant.")
        }
    }

    private static func dutchReclaim(_ end: TermEnd) -> Words {
        switch end {
        case .ends:
            Words(
                problem: "Licenties die u verkocht zijn niet toegewezen, en het abonnement eindigt binnenkort.",
                consider: "De klant betaalt voor plaatsen die niemand heeft, en doet dat opnieuw bij een ongewijzigde "
                    + "verlenging.",
                tryThis: "Wijs ze samen met de klant toe, of bied een verlenging met minder licenties aan.")
        case .renews:
            Words(
                problem: "Licenties die u verkocht zijn niet toegewezen, en het abonnement wordt binnenkort vanzelf "
                    + "verlengd.",
                consider: "Vanaf die dag betaalt de klant nog een termijn voor plaatsen die niemand heeft.",
                tryThis: "Wijs ze samen met de klant toe, of verlaag het aantal vóór de dag van verlenging.")
        case .either:
            Words(
                problem: "Licenties die u verkocht zijn niet toegewezen, en de abonnementen eindigen binnenkort of "
                    + "worden vanzelf verlengd.",
                consider: "De klant betaalt voor plaatsen die niemand heeft, en blijft dat doen voor wat vanzelf wordt "
                    + "verlengd.",
                tryThis: "Wijs ze samen met de klant toe, verlaag wat vanzelf wordt verlengd vóór die dag, en bied "
                    + "voor de rest een verlenging met minder licenties aan.")
        }
    }
}
