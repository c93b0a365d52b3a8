/// The languages that the pages exist in.
enum PageLanguage: String, Sendable, CaseIterable {
    case english = "en"
    case dutch = "nl"

    var words: any Words {
        switch self {
        case .english: English()
        case .dutch: Dutch()
        }
    }

    /// In its own words.
    var name: String { self == .dutch ? "Nederlands" : "English" }

    /// The query's, else the cookie's, else the one that the browser prefers, else English.
    init(query: String?, cookie: String?, accept: String) {
        if let language = query.flatMap(Self.init(rawValue:)) ?? cookie.flatMap(Self.init(rawValue:)) {
            self = language
            return
        }
        var best: (language: Self, weight: Double) = (.english, 0)
        for range in accept.split(separator: ",", maxSplits: 32) {
            let parts = range.split(separator: ";")
            let tag = (parts.first ?? "").drop { $0 == " " }.prefix { $0 != "-" && $0 != " " }.lowercased()
            guard let language = Self(rawValue: tag) else { continue }
            let quality = parts.dropFirst().map { $0.filter { $0 != " " } }.first { $0.hasPrefix("q=") }
            let weight = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if weight > best.weight { best = (language, weight) }
        }
        self = best.language
    }
}
