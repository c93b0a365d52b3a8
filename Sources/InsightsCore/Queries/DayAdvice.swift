import LicenseModel
import Tenancy

/// Which advice there is for every customer that a partner sees on a day: about 340 bytes a customer. The evidence is
/// made for what a page shows.
public struct DayAdvice: Sendable {
    let thresholds: AdviceThresholds
    let reach: LicenseReach
    public let classes: DayClasses
    let pieces: DayColumn<AdvicePieces>

    public var day: Day { pieces.day }
    /// About how much memory it takes, the classes included.
    public var bytes: Int { classes.bytes + pieces.bytes }
}

/// The pieces of advice that one customer gets, in the order in which they are listed.
struct AdvicePieces: Sendable {
    /// Bit 0 is advice about all covered products; for each product follow eight bits, of which a kind has the one of
    /// its raw value.
    private(set) var bits: UInt32 = 0

    init() {}

    init(_ rows: [RecommendationRow]) {
        for row in rows { bits |= Self.bit(of: row.product, row.kind) }
    }

    /// All that can be said about some products.
    init(about products: [Product]) {
        bits = 1
        for product in products { bits |= 0xFF << Self.shift(product) }
    }

    /// All that stands behind a piece of the same customer.
    init(after product: Product?, _ kind: RecommendationKind) {
        let bit = Self.bit(of: product, kind)
        bits = ~(bit | (bit - 1))
    }

    func both(_ other: AdvicePieces) -> AdvicePieces {
        var pieces = self
        pieces.bits &= other.bits
        return pieces
    }

    func contains(_ row: RecommendationRow) -> Bool { bits & Self.bit(of: row.product, row.kind) != 0 }

    var count: Int { bits.nonzeroBitCount }

    private static func shift(_ product: Product) -> UInt32 { 8 * UInt32(product.rawValue) }

    private static func bit(of product: Product?, _ kind: RecommendationKind) -> UInt32 {
        product.map { 1 << (shift($0) + UInt32(kind.rawValue)) } ?? 1
    }
}

/// Where a piece of advice stands in a list.
public struct AdvicePlace: Sendable, Hashable {
    public let customer: CustomerID
    /// Nil for advice about all covered products.
    public let product: Product?
    public let kind: RecommendationKind

    public init(customer: CustomerID, product: Product?, kind: RecommendationKind) {
        self.customer = customer
        self.product = product
        self.kind = kind
    }

    /// Whether a row of the same customer stands behind this place.
    public func isBefore(_ row: RecommendationRow) -> Bool {
        AdvicePieces(after: product, kind).contains(row)
    }
}

extension PartnerBook {
    /// Which advice there is for every customer visible on the day and today, in the scope's reach; `classes` and
    /// `known` save the customers that are unchanged.
    public func dayAdvice(
        on day: Day, thresholds: AdviceThresholds, classes: DayClasses? = nil, reusing known: DayAdvice? = nil
    ) -> DayAdvice {
        let classes = dayClasses(on: day, reusing: classes)
        let isSame = known.map { $0.thresholds == thresholds && $0.reach == scope.reach } ?? false
        let pieces = column(on: day, reusing: isSame ? known?.pieces : nil) { index, customer in
            let classes = classes.entries[index].value
            return AdvicePieces(advisor(customer.value, classes, on: day, thresholds).advice(Product.allCases))
        }
        return DayAdvice(thresholds: thresholds, reach: scope.reach, classes: classes, pieces: pieces)
    }

    /// The first `limit` pieces of advice of the portfolio, or the first after a place (which need not be one of the
    /// list); `total` counts all.
    ///
    /// - Parameter advice: of this book, from `dayAdvice`.
    public func page(
        of advice: DayAdvice, products: [Product], after place: AdvicePlace?, limit: Int
    ) -> (rows: [RecommendationRow], total: Int, hasMore: Bool) {
        let advice = dayAdvice(
            on: advice.day, thresholds: advice.thresholds, classes: advice.classes, reusing: advice)
        let asked = AdvicePieces(about: products)
        let first = place.map { rank(of: $0.customer, in: advice.pieces, orEqual: false) } ?? 0
        var rows: [RecommendationRow] = []
        var total = 0
        var rest = 0
        advice.pieces.entries.forEach { index, entry in
            var pieces = entry.value.both(asked)
            total += pieces.count
            if index < first || pieces.count == 0 { return }
            let customer = customer(at: index, of: advice.pieces)
            if index == first, let place, customer.value.id == place.customer {
                pieces = pieces.both(AdvicePieces(after: place.product, place.kind))
            }
            rest += pieces.count
            if rows.count >= limit || pieces.count == 0 { return }
            let classes = advice.classes.entries[index].value
            rows += advisor(customer.value, classes, on: advice.day, advice.thresholds).advice(products)
                .filter(pieces.contains).prefix(limit - rows.count)
        }
        return (rows, total, rest > rows.count)
    }
}
