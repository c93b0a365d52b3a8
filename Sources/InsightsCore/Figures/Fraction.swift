/// A ratio of counts, compared exactly.
public struct Fraction: Sendable, Hashable {
    public let numerator: Int64
    /// Above 0.
    public let denominator: Int64

    /// Nil without a denominator: such a ratio is absent.
    public init?(_ numerator: Int64, of denominator: Int64) {
        guard denominator > 0 else { return nil }
        self.numerator = numerator
        self.denominator = denominator
    }

    init(count: Int64) {
        numerator = count
        denominator = 1
    }

    /// Negative, zero or positive, by cross-multiplication: ½ and 2⁄4 are no less and no more than each other.
    public func comparison(with other: Fraction) -> Int {
        let left = numerator.multipliedFullWidth(by: other.denominator)
        let right = other.numerator.multipliedFullWidth(by: denominator)
        if left.high != right.high { return left.high < right.high ? -1 : 1 }
        if left.low != right.low { return left.low < right.low ? -1 : 1 }
        return 0
    }
}
