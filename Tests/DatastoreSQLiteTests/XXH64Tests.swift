import Datastore
import Testing

/// The published values of XXH64 with seed 0.
@Suite struct XXH64Tests {
    @Test func publishedValues() {
        let known: [(String, UInt64)] = [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ]
        for (text, hash) in known { #expect(XXH64.hash(Array(text.utf8)) == hash, "\(text)") }
    }

    /// Every length up to some blocks, so that every path through the rest is taken; no bit is without effect.
    @Test func everyBitCounts() {
        var seen: Set<UInt64> = []
        for length in 0...100 {
            var bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            #expect(seen.insert(XXH64.hash(bytes)).inserted)
            for bit in 0..<(length * 8) {
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(seen.insert(XXH64.hash(bytes)).inserted)
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
    }
}
