import RPCEngine

/// The languages that texts for people exist in.
enum Language: Sendable, Hashable, CaseIterable {
    case english
    case dutch

    /// The primary subtag counts; anything but `en` and `nl` is English.
    init(tag: some StringProtocol) {
        // Three characters tell "nl" from all else, however long the tag: no more of it is looked at.
        let primary = tag.prefix(3).prefix { $0 != "-" && $0 != "_" }
        self = primary.lowercased() == "nl" ? .dutch : .english
    }

    /// The language asked for in the request, else the client's most preferred one that exists, else English.
    init(_ code: String, call: CallContext) {
        if !code.isEmpty {
            self.init(tag: code)
        } else {
            self = Language(acceptLanguage: call.metadata["accept-language"] ?? "")
        }
    }

    /// `nl-NL,nl;q=0.9,en;q=0.8`: the highest weight wins, of equal ones the first; unknown languages are passed over.
    init(acceptLanguage header: String) {
        var best: (language: Language, weight: Double) = (.english, 0)
        for range in header.split(separator: ",", maxSplits: 32) {
            let parts = range.split(separator: ";")
            guard let tag = parts.first?.drop(while: { $0 == " " }) else { continue }
            let primary = tag.prefix { $0 != "-" && $0 != " " }.lowercased()
            guard primary == "nl" || primary == "en" else { continue }
            var weight = 1.0
            for parameter in parts.dropFirst() {
                let text = parameter.filter { $0 != " " }
                if text.hasPrefix("q=") { weight = Double(text.dropFirst(2)) ?? 0 }
            }
            if weight > best.weight { best = (Language(tag: primary), weight) }
        }
        self = best.language
    }
}
