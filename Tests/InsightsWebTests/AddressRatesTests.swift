import Testing

@testable import InsightsWeb

struct AddressRatesTests {
    /// In nanoseconds.
    private static let second: UInt64 = 1_000_000_000

    @Test func oneAddressTakesNothingFromAnother() {
        let rates = AddressRates()
        func taken(at now: UInt64) -> Int {
            var taken = 0
            while rates.take(1, now: now) { taken += 1 }
            return taken
        }
        #expect(taken(at: 100 * Self.second) == 200)
        #expect(rates.take(2, now: 100 * Self.second) && !rates.take(1, now: 100 * Self.second))
        #expect(taken(at: 101 * Self.second) == 20)
        #expect(taken(at: 1_000 * Self.second) == 200)
    }

    @Test func theyAreBounded() {
        let rates = AddressRates()
        for network in 1...UInt64(AddressRates.most) { #expect(rates.take(network, now: Self.second)) }
        var taken = 0
        while rates.take(UInt64(AddressRates.most + taken + 1), now: Self.second) { taken += 1 }
        #expect(taken == 200, "the others share one bucket")
        #expect(rates.take(1, now: Self.second), "whoever is known has its own")
        #expect(rates.take(1 << 40, now: 60 * Self.second), "and there is room again when others have had a rest")
    }
}
