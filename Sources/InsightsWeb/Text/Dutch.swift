/// Dutch. Licenses of the vendor are *licenties*, deployment is *uitrol*.
struct Dutch: Words {
    // MARK: Around every page

    var product: String { "Partner Insights" }
    var skipToContent: String { "Naar de inhoud" }
    var menu: String { "Menu" }
    var language: String { "Taal" }
    var footer: String { "Alleen cijfers van uw eigen klanten. Dagen volgens UTC." }
    var about: String { "Over deze cijfers" }
    var me: String { "Uw account" }
    var signOut: String { "Afmelden" }
    var portfolio: String { "Portfolio" }
    var customers: String { "Klanten" }
    var compare: String { "Vergelijken" }
    var trend: String { "Verloop" }
    var explain: String { "Verklaren" }
    var advice: String { "Advies" }
    var export: String { "Exporteren" }
    var access: String { "Toegang" }
    var audit: String { "Auditlogboek" }

    // MARK: Common

    var notReported: String { "niet gerapporteerd" }
    var unknown: String { "onbekend" }
    var of: String { "van" }
    var or: String { " of " }
    var yes: String { "ja" }
    var no: String { "nee" }
    var day: String { "Dag" }
    var from: String { "Van" }
    var through: String { "Tot en met" }
    var show: String { "Tonen" }
    var filter: String { "Filteren" }
    var clearFilter: String { "Wissen" }
    var firstPage: String { "Eerste pagina" }
    var nextPage: String { "Volgende pagina" }
    var pagesOfList: String { "Pagina's van de lijst" }
    var pagesOfCustomer: String { "Pagina's van de klant" }
    var customerInsights: String { "Klantinzichten" }
    var figuresOf: String { "Cijfers van" }
    var activityOf: String { "gebruik van" }
    var allCustomers: String { "Alle klanten" }
    var total: String { "Totaal" }
    var share: String { "Aandeel" }
    var meaning: String { "Toelichting" }
    var state: String { "Status" }
    var productLabel: String { "Product" }
    var allProducts: String { "Alle producten" }
    var scope: String { "Licenties van" }
    var scopeAll: String { "Alle verkopers" }
    var scopeOwn: String { "Eigen verkoop" }

    // MARK: Figures

    var licenses: String { "Licenties" }
    var license: String { "Licentie" }
    var usersActive: String { "gebruikers actief" }
    var own: String { "Eigen" }
    var allSellers: String { "Alle verkopers" }
    var sold: String { "Verkocht" }
    var soldMeaning: String { "Actief, in respijtperiode of uitgeschakeld; geen proeflicenties" }
    var entitled: String { "Te gebruiken" }
    var entitledMeaning: String { "Licenties die gebruikt mogen worden" }
    var trial: String { "Proef" }
    var trialMeaning: String { "Proeflicenties: tellen nooit mee in verkocht of te gebruiken" }
    var uncounted: String { "Niet meegeteld" }
    var uncountedMeaning: String { "Van abonnementen die in de laatste 28 dagen nog meetelden en nu niet meer" }
    var assigned: String { "Toegewezen" }
    var assignedMeaning: String { "Mensen die de licentie hebben" }
    var assignedUnsold: String { "Toegewezen, niet verkocht" }
    var assignedUnsoldMeaning: String { "Alleen uit een proef toegewezen, of waar niets is verkocht" }
    var deployment: String { "Uitrol" }
    var usage: String { "Gebruik" }
    var perEntitlement: String { "Gebruik per licentie" }
    var activeUsers: String { "Actieve gebruikers" }
    var workload: String { "Onderdeel" }
    var workloads: String { "Lijnen" }
    var wholeProduct: String { "Hele product" }
    var estimateNote: String {
        "≈ is een schatting: een toegewezen licentie hoort niet bij een verkoper. Het werkelijke cijfer ligt zeker "
            + "binnen het bereik eronder, dat in de balk is omlijnd."
    }
    var estimateInChart: String {
        "≈ is een schatting: een toegewezen licentie hoort niet bij een verkoper. Het werkelijke cijfer ligt zeker "
            + "binnen de band rond de lijn."
    }
    var ofAllSellers: String { "alle verkopers" }
    var inTheWindow: String { "28 dagen" }
    var noLicenses: String { "Geen licenties en geen gebruik op deze dag." }
    var skuID: String { "SKU-id" }

    // MARK: Freshness

    var lagging: String { "loopt achter" }
    var reportedCustomers: String { "gerapporteerd" }
    var freshnessOfActivity: String { "Klanten naar actualiteit van het gebruik" }
    var activityThrough: String { "Gebruik tot en met" }

    // MARK: Charts

    var numbersOfChart: String { "De cijfers van deze grafiek" }
    var noFigures: String { "geen cijfer in deze periode" }
    var moreTrend: String { "Andere perioden en cijfers" }
    var noTrend: String { "Over deze dagen is niets gerapporteerd." }
    var figure: String { "Cijfer" }
    var interval: String { "Interval" }
    var byDay: String { "Dag" }
    var byWeek: String { "Week" }
    var byMonth: String { "Maand" }
    var downloadCSV: String { "Downloaden als CSV" }

    // MARK: Portfolio and customers

    var customer: String { "Klant" }
    var customerID: String { "Klant-id" }
    var customerSince: String { "Klant sinds" }
    var market: String { "Markt" }
    var overview: String { "Overzicht" }
    var subscriptions: String { "Abonnementen" }
    var users: String { "Gebruikers" }
    var lowestUsage: String { "Laagste gebruik" }
    var noUsageAnywhere: String { "Van geen enkele klant is het gebruik gerapporteerd." }
    var allCustomersByUsage: String { "Alle klanten naar gebruik" }
    var topAdvice: String { "Waar te beginnen" }
    var nameContains: String { "Naam bevat" }
    var usageBelow: String { "Gebruik onder %" }
    var deploymentBelow: String { "Uitrol onder %" }
    var soldFrom: String { "Minstens verkocht" }
    var noCustomers: String { "Er zijn nog geen klanten." }
    var noCustomersMatch: String { "Geen klant voldoet aan de filters." }
    var order: String { "Volgorde" }
    var orderName: String { "op naam" }
    var orderUsage: String { "laagste gebruik eerst" }
    var orderDeployment: String { "laagste uitrol eerst" }
    var orderSold: String { "meeste licenties eerst" }
    var orderActive: String { "meeste actieve gebruikers eerst" }
    var moreFilters: String { "Meer filters" }
    var forOneCustomer: String { "Voor één klant: kies uit de lijst" }

    // MARK: Comparison

    var compareTitle: String { "Eigen licenties naast alle verkopers" }
    var soldBy: String { "Verkocht door" }
    var direct: String { "Rechtstreeks" }
    var otherPartners: String { "Andere partners" }
    var unknownSeller: String { "Verkoper onbekend" }
    var ownShare: String { "Eigen aandeel" }
    var ownDeployment: String { "Eigen uitrol" }
    var allDeployment: String { "Uitrol, alle verkopers" }

    // MARK: Explanation

    var explainTitle: String { "Waarom het gebruik is zoals het is" }
    var activeBecause: String { "Actief omdat" }
    var unclassified: String { "Niet ingedeeld" }
    var unclassifiedMeaning: String { "hun licenties of toewijzingen zijn niet gerapporteerd" }

    // MARK: Advice

    var kind: String { "Soort" }
    var allKinds: String { "Alle soorten" }
    var consider: String { "Bedenk" }
    var tryThis: String { "Probeer" }
    var evidence: String { "Cijfers die hiertoe leidden" }
    var noAdvice: String { "Er is geen advies: er valt niets op." }
    var noAdviceOfKind: String { "Er is geen advies van deze soort." }
    var noAdviceYet: String { "Er is nog geen advies." }

    // MARK: Subscriptions and users

    var quantity: String { "Aantal" }
    var term: String { "Termijn" }
    var termEnd: String { "Einde termijn" }
    var noEnd: String { "geen einde" }
    var renews: String { "wordt automatisch verlengd" }
    var ends: String { "eindigt" }
    var since: String { "Ongewijzigd sinds" }
    var subscriptionID: String { "Abonnements-id" }
    var noSubscriptions: String { "U hebt aan deze klant geen abonnementen verkocht." }
    var user: String { "Gebruiker" }
    var activity: String { "Gebruik" }
    var anyActivity: String { "Actief of niet" }
    var active: String { "Actief in 28 dagen" }
    var inactive: String { "Niet actief in 28 dagen" }
    var anyWorkload: String { "Elk onderdeel" }
    var lastActive: String { "Laatst actief" }
    var neverActive: String { "nooit actief gezien" }
    var noUsers: String { "Niemand heeft een licentie." }
    var noUsersMatch: String { "Niemand voldoet aan de filters." }

    // MARK: Export

    var exportLead: String { "Het hele portfolio als bestand: één regel per klant, product en dag." }
    var exportNote: String {
        "Cijfers die niet gerapporteerd zijn, blijven leeg in het bestand en worden nooit als 0 geschreven."
    }
    var formOfNumbers: String { "Notatie van getallen" }
    var formEnglish: String { "1234.5, komma's tussen velden" }
    var formDutch: String { "1234,5, puntkomma's tussen velden" }
    var byteOrderMark: String { "Markering voor Excel (byte order mark)" }

    // MARK: Access and audit

    var principal: String { "Account" }
    var partner: String { "Partner" }
    var displayName: String { "Naam" }
    var roles: String { "Rollen" }
    var noName: String { "geen naam" }
    var noRole: String { "geen rol" }
    var enabled: String { "ingeschakeld" }
    var disabled: String { "uitgeschakeld" }
    var permission: String { "Bevoegdheid" }
    var whoMayWhat: String { "Wie wat mag" }
    var accessNote: String {
        "Deze pagina toont alleen wie toegang heeft. Wijzigen doet u met de opdracht ‘insights principals’."
    }
    var operatorName: String { "beheerder" }
    var operatorHasNone: String { "geen: de beheerder hoort bij geen partner" }
    var credentialExpires: String { "Aangemeld tot" }
    var meLead: String { "Uw account, zoals deze server het kent." }
    var youMay: String { "U mag" }
    var time: String { "Tijd" }
    var who: String { "Wie" }
    var method: String { "Wat" }
    var decision: String { "Beslissing" }
    var allowed: String { "toegestaan" }
    var denied: String { "geweigerd" }
    var outcome: String { "Uitkomst" }
    var customerCode: String { "Klantcode" }
    var noCustomer: String { "geen klant" }
    var record: String { "Regel" }
    var noRecords: String { "Er zijn nog geen regels." }

    // MARK: About and refusals

    var aboutLead: String { "Wat de woorden betekenen en waar de cijfers vandaan komen." }
    var whatFiguresMean: String { "Wat de cijfers betekenen" }
    var forPrograms: String { "Voor programma's" }
    var forProgramsText: String {
        "Alles hier is een antwoord van de API, die programma's aanroepen met gRPC en met gewone HTTP, "
            + "met hetzelfde certificaat, dezelfde bevoegdheden en grenzen."
    }
    var operatorOnly: String { "Alleen de beheerder van het systeem mag dit." }
    var toPortfolio: String { "Naar het portfolio" }
    var certificateRefused: String { "Dit certificaat geeft geen toegang" }
    var certificateRefusedWhy: String {
        "Uw browser toont een certificaat dat hier niet is geregistreerd, is verlopen, of bij een andere organisatie "
            + "hoort dan die waarvoor u bent aangemeld. Sluit de browser om een ander certificaat te kiezen, of meld u "
            + "eerst af."
    }
    var tryAgain: String { "Opnieuw proberen" }
    var sessionEnded: String { "U bent afgemeld" }
    var sessionEndedWhy: String {
        "Deze pagina is een tijd niet gebruikt, of uw rollen moeten opnieuw worden opgevraagd."
    }
    var signInAgain: String { "Opnieuw aanmelden" }
}
