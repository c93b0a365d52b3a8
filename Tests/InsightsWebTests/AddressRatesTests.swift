import Testing

@testable import InsightsWeb

struct AddressRatesTests {
    @Test func oneAddressTakesNothingFromAnother() {
        let rates = AddressRates()
        var taken = 0
        while rates.take(1, now: 100) { taken += 1 }
        #expect(taken == 200)
        #expect(rates.take(2, now: 100) && !rates.take(1, now: 100))
        taken = 0
        while rates.take(1, now: 101) { taken += 1 }
        #expect(taken == 20)
        taken = 0
        while rates.take(1, now: 1_000) { taken += 1 }
        #expect(taken == 200)
        // A clock that goes back gives nothing.
        #expect(!rates.take(1, now: 10))
    }

    @Test func theyAreBounded() {
        let rates = AddressRates()
        for network in 1...UInt64(AddressRates.most) { #expect(rates.take(network, now: 0)) }
        var taken = 0
        while rates.take(UInt64(AddressRates.most + taken + 1), now: 0) { taken += 1 }
        #expect(taken == 200, "the others share one bucket")
        #expect(rates.take(1, now: 0), "whoever is known has its own")
        #expect(rates.take(1 << 40, now: 60), "and there is room again when others have had a rest")
    }
}
