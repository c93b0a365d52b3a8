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
        "\(count) \(isOne ? "persoon met een licentie" : "mensen met een licentie")"
    }
    func principalCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "account" : "accounts")" }
    func recordCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "regel" : "regels")" }
    func adviceCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "advies" : "adviezen")" }

    func allAdvice(_ count: String) -> String { "Alle \(count) adviezen" }
    func trendOf(_ days: String) -> String { "De laatste \(days) dagen" }
    func chartSummary(_ lines: [String]) -> String {
        "Lijnen over dagen voor \(lines.joined(separator: ", ")). "
            + "Een onderbreking is een dag die niet is gerapporteerd. De cijfers staan in de tabel eronder."
    }
    func classesOf(_ count: String) -> String { "\(count) actieve gebruikers naar waarom zij actief zijn" }
    func workloadsBehind(_ count: String) -> String { "\(count) onderdelen lopen achter of zijn niet gerapporteerd" }
    func uncatalogued(_ count: String) -> String {
        "Licenties van \(count) SKU's zitten in geen cijfer, omdat geen catalogus ze noemt"
    }
    func rolesThatDo(_ roles: String) -> String { "Een rol die dit wel mag: \(roles)." }

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
        case .grace: "in respijt"
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
        case "Y": return "\(number) \(number == 1 ? "jaar" : "jaar")"
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
            "Actieve gebruikers per totaal gebruikers, over de 28 dagen die op elke dag "
                + "eindigen; het kan boven 100 % komen."
        case .deployment: "Toegewezen licenties per verkochte licenties."
        case .sold: "Verkochte licenties, zonder proef."
        case .assigned: "Mensen die een licentie hebben."
        case .active: "Mensen met enig gebruik in de 28 dagen die op elke dag eindigen."
        }
    }

    func usageClass(_ usageClass: PBUsageClass) -> (title: String, meaning: String) {
        switch usageClass {
        case .entitled: ("Geldige licentie", "binnen de licenties die gebruikt mogen worden")
        case .uncountedSubscription:
            ("Niet meegeteld abonnement", "op een tweede abonnement in respijt, uitgeschakeld of beëindigd")
        case .trial: ("Proef", "op een proef: het gebruik telt, de plaatsen niet")
        case .overAssigned: ("Te veel toegewezen", "meer mensen hebben de licentie dan er licenties zijn")
        case .turnover: ("Wisseling", "had eerder in de 28 dagen een licentie; die ging naar iemand anders")
        case .unlicensed: ("Zonder licentie", "had in de 28 dagen geen licentie")
        case .free: ("Gratis", "op een gratis licentie, die niemand kocht")
        case .unidentified: ("Onbekend wie", "alleen bekend onder een verborgen naam")
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
        "auto_renew": "wordt vanzelf verlengd",
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
        "trial_users": "op een proef",
        "unlicensed_users": "zonder licentie",
        "uncounted_subscription_users": "op een niet meegeteld abonnement",
    ]

    func role(_ role: Role) -> String {
        switch role {
        case .userManagementAdmin: "beheerder van gebruikers"
        case .adminAgent: "beheeragent"
        case .salesAgent: "verkoopagent"
        }
    }

    func permission(_ permission: Permission) -> String {
        switch permission {
        case .readSelf: "zien wie u bent"
        case .readInsights: "alle cijfers en adviezen lezen"
        case .exportInsights: "de portfolio exporteren"
        case .readCustomers: "de klantenlijst lezen"
        case .readSubscriptions: "eigen abonnementen lezen"
        case .readUsers: "gebruikers bij naam lezen"
        case .managePrincipals: "beheren wie wat mag"
        case .readAudit: "het controlespoor lezen"
        case .ingest: "feiten schrijven"
        case .managePartners: "partners beheren"
        }
    }

    func refusal(_ code: RPCStatus.Code) -> (title: String, meaning: String) {
        switch code {
        case .notFound: ("Niet hier", "Er is geen pagina of klant met dit adres.")
        case .permissionDenied: ("Niet voor u", "Deze pagina hoort niet bij uw rollen.")
        case .unauthenticated:
            (
                "Aanmelden",
                "Deze server kent mensen aan hun clientcertificaat: laad het uwe in de browser en kom terug."
            )
        case .invalidArgument, .failedPrecondition, .outOfRange:
            ("Dat kan niet worden getoond", "Iets in het formulier of het adres klopt niet.")
        case .resourceExhausted: ("Te veel tegelijk", "Probeer het zo nog eens.")
        case .unavailable: ("Nu niet", "De server kan op dit moment niet antwoorden. Probeer het zo nog eens.")
        case .deadlineExceeded, .cancelled: ("Het duurde te lang", "Probeer het nog eens, of vraag minder.")
        default: ("Er ging iets mis", "De server kon deze pagina niet maken.")
        }
    }

    var definitions: [(String, String)] {
        [
            (
                "Uitrol",
                "Toegewezen licenties per verkochte licenties. Een licentie is toegewezen "
                    + "aan een mens, nooit aan een verkoper: waar er meer verkochten, is het eigen "
                    + "deel een schatting met zekere grenzen."
            ),
            (
                "Gebruik",
                "Mensen die in 28 dagen minstens eens actief waren, per mensen van wie de "
                    + "licentie meetelt. Het wordt niet op 100 % afgekapt: Verklaren vertelt wie "
                    + "de anderen zijn."
            ),
            (
                "Gebruik per licentie",
                "Dezelfde mensen per licenties die gebruikt mogen worden, de definitie van vóór 2020."
            ),
            (
                "Verkocht",
                "Licenties van abonnementen die actief, in respijt of uitgeschakeld zijn. "
                    + "Proef en gratis licenties zijn nooit verkocht."
            ),
            (
                "Te gebruiken",
                "Licenties die gebruikt mogen worden: actieve, en die in respijt zonder actief "
                    + "abonnement ernaast."
            ),
            (
                "Niet meegeteld",
                "Licenties van abonnementen die niet meer meetellen, maar dat in de laatste "
                    + "28 dagen nog deden."
            ),
            (
                "Niet gerapporteerd",
                "Een bron heeft ons nog niets verteld. Het wordt nooit als 0 getoond, en nooit "
                    + "opgeteld alsof het dat was."
            ),
            (
                "Loopt achter",
                "Een bron heeft gerapporteerd, maar niet tot aan de dag van de cijfers."
            ),
            (
                "Eigen en alle verkopers",
                "Eigen is wat uw organisatie verkocht. Alle verkopers zijn u, de leverancier "
                    + "zelf, andere partners (altijd alleen als som) en verkopers die geen bron "
                    + "noemt."
            ),
        ]
    }
}
