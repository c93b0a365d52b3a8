import InsightsAPI
import RPCEngine
import Tenancy

/// Sentences and names.
extension Dutch {
    func customerCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "klant" : "klanten")" }
    func subscriptionCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "eigen abonnement" : "eigen abonnementen")"
    }
    func userCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "persoon met een licentie" : "personen met een licentie")"
    }
    func foundCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "persoon" : "personen") gevonden"
    }
    func principalCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "account" : "accounts")" }
    func recordCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "regel" : "regels")" }
    func adviceCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "advies" : "adviezen")" }

    func allAdvice(_ count: String) -> String { "Alle \(count) adviezen" }
    func trendOf(_ days: String) -> String { "De laatste \(days) dagen" }
    func axisChanges(_ from: String, _ top: String) -> String {
        "Boven de stippellijn bij \(from) is de schaal samengedrukt: de bovenkant is \(top)."
    }
    func chartSummary(_ lines: [String]) -> String {
        "Lijnen over dagen voor \(lines.joined(separator: ", ")). "
            + "Een onderbreking is een dag die niet is gerapporteerd. De cijfers staan in de tabel eronder."
    }
    func classesOf(_ count: String) -> String { "\(count) actieve gebruikers naar waarom zij actief zijn" }
    func workloadsBehind(_ count: String) -> String { "\(count) onderdelen lopen achter of zijn niet gerapporteerd" }
    func uncatalogued(_ count: String) -> String {
        "Licenties van \(count) SKU's tellen in geen enkel cijfer mee, omdat geen catalogus ze noemt"
    }
    func rolesThatDo(_ roles: String) -> String { "Een rol die dit wel mag: \(roles)." }

    func licensesOf(isOwn: Bool) -> String { isOwn ? "licenties die u hebt verkocht" : "licenties van alle verkopers" }
    func assignedOf(_ assigned: String, _ sold: String, isMore: Bool) -> String {
        isMore
            ? "\(assigned) toegewezen, \(sold) licenties verkocht" : "\(assigned) van \(sold) licenties toegewezen"
    }
    func activeOf(_ active: String, _ total: String, isMore: Bool) -> String {
        isMore ? "\(active) actief, \(total) gebruikers meegeteld" : "\(active) van \(total) gebruikers actief"
    }
    func deploymentCovers(_ count: String, of sold: String) -> String {
        "De uitrol gaat over \(count) van de \(sold) verkochte licenties: van de overige zijn de toewijzingen niet "
            + "gerapporteerd."
    }

    func source(_ source: PBSource) -> String {
        switch source {
        case .subscriptions: "abonnementen"
        case .assignments: "toewijzingen"
        case .activity: "gebruik"
        default: "onbekend"
        }
    }

    func state(_ state: PBSubscriptionState) -> String {
        switch state {
        case .active: "actief"
        case .grace: "in respijtperiode"
        case .suspended: "uitgeschakeld"
        case .deprovisioned: "beëindigd"
        default: "onbekend"
        }
    }

    func term(_ duration: String) -> String {
        let (number, unit) = (Int(duration.dropFirst().dropLast()), duration.last)
        guard duration.first == "P", let number else { return duration }
        switch unit {
        case "M": return "\(number) \(number == 1 ? "maand" : "maanden")"
        case "Y": return "\(number) jaar"
        case "W": return "\(number) \(number == 1 ? "week" : "weken")"
        case "D": return "\(number) \(number == 1 ? "dag" : "dagen")"
        default: return duration
        }
    }

    func metric(_ metric: TrendMetric) -> String {
        switch metric {
        case .usage: "gebruik"
        case .deployment: "uitrol"
        case .sold: "licenties verkocht"
        case .assigned: "licenties toegewezen"
        case .active: "actieve gebruikers"
        }
    }

    func metricMeaning(_ metric: TrendMetric) -> String {
        switch metric {
        case .usage:
            "Actieve gebruikers als deel van het totaal aantal gebruikers, over de 28 dagen tot en met elke dag; "
                + "het kan boven 100 % komen."
        case .deployment: "Het aandeel van de verkochte licenties dat is toegewezen."
        case .sold: "Verkochte licenties, zonder proeflicenties."
        case .assigned: "Mensen die een licentie hebben."
        case .active: "Mensen die in de 28 dagen tot en met elke dag iets gebruikten."
        }
    }

    func usageClass(_ usageClass: PBUsageClass) -> (title: String, meaning: String) {
        switch usageClass {
        case .entitled: ("Geldige licentie", "binnen de licenties die gebruikt mogen worden")
        case .uncountedSubscription:
            ("Niet meegeteld abonnement", "op een tweede abonnement: in respijtperiode, uitgeschakeld of beëindigd")
        case .trial: ("Proef", "op een proeflicentie: het gebruik telt mee, de licentie niet")
        case .overAssigned: ("Te veel toegewezen", "meer mensen hebben de licentie dan er licenties zijn")
        case .turnover: ("Wisseling", "had eerder in de 28 dagen een licentie, die nu van iemand anders is")
        case .unlicensed: ("Zonder licentie", "had in de 28 dagen geen licentie")
        case .free: ("Gratis", "op een gratis licentie, die niemand heeft gekocht")
        case .unidentified: ("Niet herleidbaar", "alleen bekend onder een verborgen naam")
        default: ("onbekend", "")
        }
    }

    func adviceKind(_ kind: PBRecommendationKind) -> String {
        switch kind {
        case .showTheValue: "Laat de waarde zien"
        case .offerTraining: "Bied training aan"
        case .convertTrial: "Zet de proef om"
        case .reclaimLicenses: "Benut of verminder licenties"
        case .licenseTheUsers: "Geef gebruikers een licentie"
        case .resolveSubscription: "Breng het abonnement in orde"
        default: advice
        }
    }

    func evidenceName(_ name: String) -> String { Self.evidenceNames[name] ?? name }

    private static let evidenceNames = [
        "active_users": "actieve gebruikers",
        "assigned": "toegewezen",
        "auto_renew": "wordt automatisch verlengd",
        "deployment_percent": "uitrol",
        "how_to_requests": "vragen om uitleg",
        "sku_id": "licentie",
        "sold": "verkocht",
        "subscription_id": "abonnement",
        "term": "termijn",
        "term_end": "einde termijn",
        "total_users": "totaal gebruikers",
        "unassigned": "niet toegewezen",
        "usage_percent": "gebruik",
        "workload_code": "onderdeel",
        "trial_users": "op een proeflicentie",
        "unlicensed_users": "zonder licentie",
        "uncounted_subscription_users": "op een niet meegeteld abonnement",
    ]

    func role(_ role: Role) -> String {
        switch role {
        case .userManagementAdmin: "gebruikers\u{AD}beheerder"
        case .adminAgent: "beheer\u{AD}agent"
        case .salesAgent: "verkoop\u{AD}agent"
        }
    }

    func permission(_ permission: Permission) -> String {
        switch permission {
        case .readSelf: "zien wie u bent"
        case .readInsights: "alle cijfers en adviezen lezen"
        case .exportInsights: "het portfolio exporteren"
        case .readCustomers: "de klantenlijst lezen"
        case .readSubscriptions: "eigen abonnementen lezen"
        case .readUsers: "gebruikers met naam lezen"
        case .managePrincipals: "beheren wie wat mag"
        case .readAudit: "het auditlogboek lezen"
        case .ingest: "feiten schrijven"
        case .managePartners: "partners beheren"
        }
    }

    func refusal(_ code: RPCStatus.Code) -> (title: String, meaning: String) {
        switch code {
        case .notFound: ("Niet gevonden", "Er is geen pagina of klant met dit adres.")
        case .permissionDenied: ("Geen toegang", "Uw rollen geven geen toegang tot deze pagina.")
        case .unauthenticated:
            (
                "Aanmelden",
                "Deze server herkent u aan uw clientcertificaat: laad het in de browser en kom terug."
            )
        case .invalidArgument, .failedPrecondition, .outOfRange:
            ("Dat kan niet worden getoond", "Er klopt iets niet in het formulier of het adres.")
        case .resourceExhausted: ("Te veel tegelijk", "Probeer het zo meteen nog eens.")
        case .unavailable:
            ("Nu niet bereikbaar", "De server kan op dit moment niet antwoorden. Probeer het zo nog eens.")
        case .deadlineExceeded, .cancelled: ("Het duurde te lang", "Probeer het nog eens, of vraag minder gegevens op.")
        default: ("Er ging iets mis", "De server kon deze pagina niet maken.")
        }
    }

    var definitions: [(String, String)] {
        [
            (
                "Uitrol",
                "Het aandeel van de verkochte licenties dat is toegewezen. Een licentie is toegewezen "
                    + "aan een persoon, nooit aan een verkoper: waar meer partijen verkochten, is het eigen "
                    + "aandeel een schatting met zekere grenzen."
            ),
            (
                "Gebruik",
                "Mensen die in 28 dagen minstens één keer actief waren, als deel van de mensen van wie "
                    + "de licentie meetelt. Het wordt niet op 100 % afgekapt: Verklaren laat zien wie "
                    + "de anderen zijn."
            ),
            (
                "Gebruik per licentie",
                "Dezelfde mensen als deel van de licenties die gebruikt mogen worden: de definitie van vóór 2020."
            ),
            (
                "Verkocht",
                "Licenties van abonnementen die actief, in respijtperiode of uitgeschakeld zijn. "
                    + "Proeflicenties en gratis licenties gelden nooit als verkocht."
            ),
            (
                "Te gebruiken",
                "Licenties die gebruikt mogen worden: actieve, en die in respijtperiode als er geen actief "
                    + "abonnement naast staat."
            ),
            (
                "Niet meegeteld",
                "Licenties van abonnementen die niet meer meetellen, maar in de laatste "
                    + "28 dagen nog wel."
            ),
            (
                "Niet gerapporteerd",
                "Een bron heeft nog niets gemeld. Het cijfer wordt nooit als 0 getoond en nooit "
                    + "als 0 opgeteld."
            ),
            (
                "Loopt achter",
                "Een bron heeft gerapporteerd, maar nog niet tot en met de dag van de cijfers."
            ),
            (
                "Eigen en alle verkopers",
                "Eigen is wat uw organisatie heeft verkocht. Alle verkopers zijn u, de leverancier "
                    + "zelf, andere partners (alleen als totaal) en verkopers die geen bron noemt."
            ),
        ]
    }
}
