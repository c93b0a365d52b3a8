import InsightsAPI
import InsightsCore
import LicenseModel

extension PBUsageExplanation {
    init(_ row: ExplanationRow, subject: UsageSubject, language: Language) {
        self.init()
        asOf = row.asOf.description
        let usage = row.usage
        if usage.reported.tellActive {
            activeUsers = usage.active
            unclassifiedUsers = row.unclassified
        }
        if let ratio = usage.usage {
            totalUsers = usage.totalUsers
            entitlements = usage.entitlements
            self.usage.definition = .activeUsersPerTotalUsers
            self.usage.numerator = ratio.numerator
            self.usage.denominator = ratio.denominator
            if let percent = ratio.percent { self.usage.percent = percent }
            classes = Self.counts(row.classes)
        }
        text = UsageText(language: language).sentence(row, subject: subject)
    }

    private static func counts(_ classes: UsageClasses) -> [PBUsageClassCount] {
        let counts: [(PBUsageClass, Int64)] = [
            (.entitled, classes.entitled), (.uncountedSubscription, classes.uncountedSubscription),
            (.trial, classes.trial), (.overAssigned, classes.overAssigned), (.turnover, classes.turnover),
            (.unlicensed, classes.unlicensed), (.free, classes.free), (.unidentified, classes.unidentified),
        ]
        return counts.map { usageClass, users in
            var count = PBUsageClassCount()
            count.usageClass = usageClass
            count.users = users
            return count
        }
    }
}

/// Why usage is what it is, in sentences that a salesperson understands.
struct UsageText: Sendable {
    let language: Language
    private var days: Int { Day.windowLength }

    func sentence(_ row: ExplanationRow, subject: UsageSubject) -> String {
        let usage = row.usage
        let name = Self.name(of: subject)
        guard usage.reported.tellActive else {
            return language == .dutch
                ? "Voor \(name) is nog geen gebruik gemeld." : "No activity has been reported for \(name) yet."
        }
        guard usage.reported.tellUsage else {
            return language == .dutch
                ? "\(people(usage.active)) actief met \(name); licenties of toewijzingen zijn nog niet gemeld, dus "
                    + "niemand is ingedeeld."
                : "\(people(usage.active)) active with \(name); licenses or assignments have not been reported yet, so "
                    + "nobody is in a class."
        }
        var sentences = [opening(usage, name: name)]
        sentences += reasons(row.classes)
        if row.unclassified > 0 { sentences.append(unclassified(row.unclassified)) }
        if case .product = subject { sentences.append(productNote) }
        return sentences.joined(separator: " ")
    }

    /// People of customers whose licenses are known: those that the percentage and the classes are about.
    private func opening(_ usage: UsageRow, name: String) -> String {
        let percent = usage.usage?.percent.map(Self.percent)
        let who = people(usage.ratioActive)
        switch (language, percent) {
        case (.english, let percent?):
            return "\(who) used \(name) in the last \(days) days, for \(number(usage.totalUsers)) users that count: "
                + "\(percent) %."
        case (.english, nil):
            return "\(who) used \(name) in the last \(days) days; no user counts, so there is no percentage."
        case (.dutch, let percent?):
            return "\(who) gebruikte\(usage.ratioActive == 1 ? "" : "n") \(name) in de afgelopen \(days) dagen, op "
                + "\(number(usage.totalUsers)) gebruikers die meetellen: \(dutchDecimal(percent)) %."
        case (.dutch, nil):
            return "\(who) gebruikte\(usage.ratioActive == 1 ? "" : "n") \(name) in de afgelopen \(days) dagen; "
                + "er telt geen gebruiker mee, dus er is geen percentage."
        }
    }

    private func reasons(_ classes: UsageClasses) -> [String] {
        func english(_ count: Int64, _ one: String, _ many: String, _ rest: String) -> (Int64, String) {
            (count, [count == 1 ? one : many, rest].filter { !$0.isEmpty }.joined(separator: " "))
        }
        let english = [
            english(classes.entitled, "has", "have", "a license in good standing"),
            english(
                classes.uncountedSubscription, "works", "work",
                "on a subscription that no longer counts (in grace, disabled or deprovisioned)"),
            english(classes.trial, "works", "work", "on a trial, whose seats do not count"),
            english(classes.overAssigned, "holds", "hold", "a license beyond the number there is"),
            english(classes.turnover, "has", "have", "left the license to somebody else within these \(days) days"),
            english(classes.unlicensed, "", "", "never held a license for it in these \(days) days"),
            english(classes.free, "has", "have", "a free license, which nobody bought"),
            english(
                classes.unidentified, "is", "are", "known by a concealed name only: nobody can tell the license"),
        ]
        let dutch: [(Int64, String)] = [
            (classes.entitled, "met een geldige licentie"),
            (
                classes.uncountedSubscription,
                "op een abonnement dat niet meer meetelt (in respijtperiode, uitgeschakeld of beëindigd)"
            ),
            (classes.trial, "op een proefabonnement, waarvan de plaatsen niet meetellen"),
            (classes.overAssigned, "met een licentie boven het aanwezige aantal"),
            (classes.turnover, "van wie de licentie binnen deze \(days) dagen naar iemand anders ging"),
            (classes.unlicensed, "zonder licentie hiervoor in deze \(days) dagen"),
            (classes.free, "met een gratis licentie, die niemand heeft gekocht"),
            (classes.unidentified, "van wie de naam verborgen is, zodat de licentie niet bekend is"),
        ]
        let parts = (language == .dutch ? dutch : english).filter { $0.0 > 0 }
        guard !parts.isEmpty else { return [] }
        let list = parts.map { count, text in "\(number(count)) \(text)" }.joined(separator: "; ")
        return [language == .dutch ? "Van hen: \(list)." : "Of these: \(list)."]
    }

    /// Of a portfolio in which some customers report no licenses.
    private func unclassified(_ users: Int64) -> String {
        switch language {
        case .english:
            "\(number(users)) more used it at customers whose licenses or assignments have not been reported: in no "
                + "class and not in the percentage."
        case .dutch:
            "Nog \(number(users)) gebruikte\(users == 1 ? "" : "n") het bij klanten van wie licenties of toewijzingen "
                + "niet zijn gemeld: zij vallen buiten de indeling en het percentage."
        }
    }

    private var productNote: String {
        language == .dutch
            ? "De indeling geldt voor het hele product en is geen optelsum van de onderdelen."
            : "The classes are for the whole product and are no sum over its workloads."
    }

    static func name(of subject: UsageSubject) -> String {
        switch subject {
        case .product(.office365): "Office 365"
        case .product(.dynamics365): "Dynamics 365"
        case .workload(let workload): workload.name
        }
    }

    private func people(_ count: Int64) -> String {
        switch language {
        case .english: count == 1 ? "1 person" : "\(number(count)) people"
        case .dutch: count == 1 ? "1 persoon" : "\(number(count)) personen"
        }
    }

    /// With the language's thousands separator.
    func number(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        let separator = language == .dutch ? "." : ","
        var text = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0, (digits.count - offset) % 3 == 0 { text += separator }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// One decimal, with a point.
    static func percent(_ value: Double) -> String {
        let tenths = Int64(exactly: (value * 10).rounded()) ?? Int64.max
        return "\(tenths / 10).\(tenths % 10)"
    }

    private func dutchDecimal(_ text: String) -> String {
        String(text.map { $0 == "." ? "," : $0 })
    }
}
