/// A decimal number as written, `mantissa / 10^scale`, so that comparing it with counts and ratios is exact.
struct DecimalNumber: Sendable, Hashable {
    /// Digits in all; keeps every comparison within 128 bits.
    static let maximumDigits = 18
    static let maximumScale = 9

    let mantissa: Int64
    let scale: Int

    /// `25`, `-3`, `33.5`; nil for anything else, also exponents and more digits than `maximumDigits`.
    init?(_ text: String) {
        var digits = text.utf8[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        var mantissa: Int64 = 0
        var count = 0
        var scale: Int?
        for byte in digits {
            if byte == UInt8(ascii: "."), scale == nil, count > 0 {
                scale = 0
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), count < Self.maximumDigits else { return nil }
            mantissa = mantissa * 10 + Int64(byte - UInt8(ascii: "0"))
            count += 1
            if let known = scale {
                guard known < Self.maximumScale else { return nil }
                scale = known + 1
            }
        }
        guard count > 0, scale != 0 else { return nil }
        self.mantissa = isNegative ? -mantissa : mantissa
        self.scale = scale ?? 0
    }

    private var power: Int128 { (0..<scale).reduce(1) { power, _ in power * 10 } }

    /// How a count compares with this number: negative, zero or positive.
    func compare(_ count: Int64) -> Int {
        (Int128(count) * power).comparison(with: Int128(mantissa))
    }

    /// How 100 · numerator / denominator compares with this number, by cross-multiplication; `denominator` > 0.
    func comparePercent(_ numerator: Int64, of denominator: Int64) -> Int {
        (100 * Int128(numerator) * power).comparison(with: Int128(mantissa) * Int128(denominator))
    }
}

extension Int128 {
    /// -1, 0 or 1.
    func comparison(with other: Int128) -> Int {
        self < other ? -1 : (self == other ? 0 : 1)
    }
}
