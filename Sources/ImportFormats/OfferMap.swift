/// Which SKU an offer is. An offer id is `product:sku:availability`; the last part changes with prices and markets, so
/// that a map of last year knows an offer by the first two.
public struct OfferMap: Sendable, Equatable {
    /// SKU ids by lower-cased offer id.
    private var whole: [String: String] = [:]
    /// SKU ids by the first two parts; nil where entries of the map disagree.
    private var shortened: [String: String?] = [:]

    public init() {}

    /// False when the map has the offer already, as another SKU.
    mutating func add(offer: String, sku: String) -> Bool {
        let offer = offer.lowercased()
        if let known = whole[offer] { return known == sku }
        whole[offer] = sku
        if let short = Self.shortened(offer) {
            if let known = shortened[short] {
                if known != sku { shortened.updateValue(nil, forKey: short) }
            } else {
                shortened[short] = sku
            }
        }
        return true
    }

    public func sku(ofOffer offer: String) -> String? {
        let offer = offer.lowercased()
        if let sku = whole[offer] { return sku }
        guard let short = Self.shortened(offer) else { return nil }
        if let sku = whole[short] { return sku }
        return shortened[short] ?? nil
    }

    private static func shortened(_ offer: String) -> String? {
        let parts = offer.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        return "\(parts[0]):\(parts[1])"
    }
}
