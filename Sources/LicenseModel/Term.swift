/// The length of a commitment, as an ISO 8601 duration of years, months, weeks and days: `P1M`, `P1Y`, `P3Y`.
public struct Term: Sendable, Hashable {
    /// As the source writes it.
    public let text: String

    /// The commitments of the vendor last a month or some years.
    public static let maximumLength = 16

    /// Nil for anything but `P` and at least one number with its unit, units in the order of their length.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, text.utf8.first == UInt8(ascii: "P") else { return nil }
        var units: ArraySlice<UInt8> = [UInt8](arrayLiteral: 0x59, 0x4D, 0x57, 0x44)[...]  // Y, M, W, D
        var digits = 0
        var parts = 0
        for byte in text.utf8.dropFirst() {
            if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                digits += 1
            } else {
                guard digits > 0, let place = units.firstIndex(of: byte) else { return nil }
                units = units[(place + 1)...]
                digits = 0
                parts += 1
            }
        }
        guard digits == 0, parts > 0 else { return nil }
        self.text = text
    }

    /// A commitment of a month, which the source writes in this one way.
    public var isMonth: Bool { text == "P1M" }
}
