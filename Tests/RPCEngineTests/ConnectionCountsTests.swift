import Testing

@testable import RPCEngine

/// Places for connections, and the tenth of them that is for verified certificates.
@Suite struct ConnectionCountsTests {
    /// The counts behind a reference: an expectation calls nothing that mutates a value.
    private final class Counts {
        private var counts: ConnectionCounts

        init(most: Int, mostOfAddress: Int, percent: Int = 10) {
            counts = ConnectionCounts(most: most, mostOfAddress: mostOfAddress, percentForVerified: percent)
        }

        func admit(_ newcomer: ConnectionCounts.Newcomer) -> ConnectionCounts.Admission { counts.admit(newcomer) }
        func spoke(_ id: UInt64) { counts.spoke(id) }
        func leaveCrowd(_ id: UInt64) -> Bool { counts.leaveCrowd(id) }
        func closedWithoutPlace() { counts.closedWithoutPlace() }
        func verified(_ address: UInt64) { counts.verified(address) }
        func mayStay(_ address: UInt64) -> Bool { counts.mayStay(address) }
        func release(_ address: UInt64, isVerified: Bool) { counts.release(address, isVerified: isVerified) }
    }

    private static func newcomer(_ id: UInt64, from address: UInt64) -> ConnectionCounts.Newcomer {
        ConnectionCounts.Newcomer(id: id, address: address, descriptor: Int32(id))
    }

    @Test func strangersNeverTakeEveryPlace() {
        let counts = Counts(most: 100, mostOfAddress: 20)
        for address in UInt64(1)...5 {
            for number in UInt64(0)..<18 {
                #expect(counts.admit(Self.newcomer(address * 100 + number, from: address)) == .admitted)
            }
        }
        #expect(counts.admit(Self.newcomer(6, from: 6)) == .toShowCertificate(instead: nil), "nine tenths of all")
        #expect(!counts.mayStay(6))
        #expect(counts.leaveCrowd(6))
        counts.verified(6)
        #expect(counts.admit(Self.newcomer(7, from: 7)) == .toShowCertificate(instead: nil))
    }

    @Test func theOldestOfTheCrowdGoesFirst() {
        let counts = Counts(most: 100, mostOfAddress: 20)
        for number in UInt64(1)...18 { #expect(counts.admit(Self.newcomer(number, from: 1)) == .admitted) }
        for number in UInt64(19)...20 {
            #expect(counts.admit(Self.newcomer(number, from: 1)) == .toShowCertificate(instead: nil))
        }
        let oldest = Self.newcomer(19, from: 1)
        #expect(counts.admit(Self.newcomer(21, from: 1)) == .toShowCertificate(instead: oldest))
        #expect(!counts.leaveCrowd(19), "it has lost its place")
        counts.closedWithoutPlace()
        #expect(counts.admit(Self.newcomer(22, from: 2)) == .admitted, "another address has its own")
        #expect(counts.leaveCrowd(21))
        counts.verified(1)
        #expect(counts.leaveCrowd(20))
        #expect(!counts.mayStay(1), "there are eighteen other strangers")
        counts.release(1, isVerified: false)
        counts.release(1, isVerified: false)
        #expect(counts.admit(Self.newcomer(23, from: 1)) == .admitted)
    }

    @Test func whoSaysNothingGoesFirst() {
        let counts = Counts(most: 40, mostOfAddress: 40)
        for number in UInt64(1)...40 { _ = counts.admit(Self.newcomer(number, from: number)) }
        counts.spoke(37)
        let silent = (UInt64(38)...40).map { Self.newcomer($0, from: $0) }
        #expect(counts.admit(Self.newcomer(41, from: 41)) == .toShowCertificate(instead: silent[0]))
        #expect(counts.admit(Self.newcomer(42, from: 42)) == .toShowCertificate(instead: silent[1]))
        counts.spoke(40)
        counts.spoke(41)
        counts.spoke(42)
        let oldest = Self.newcomer(37, from: 37)
        #expect(counts.admit(Self.newcomer(43, from: 43)) == .toShowCertificate(instead: oldest))
    }

    @Test func aBusyLoopDoesNotLetTheNumberGrow() {
        let counts = Counts(most: 1_000, mostOfAddress: 1_000)
        var number: UInt64 = 0
        var refused = 0
        for _ in 0..<1_100 {
            number += 1
            if case .refused(let reason) = counts.admit(Self.newcomer(number, from: 1)) {
                refused += 1
                #expect(reason == "limit of 1000 connections of one address")
            }
        }
        #expect(refused == 100 - ConnectionCounts.mostPushedOut)
        counts.closedWithoutPlace()
        let oldest = Self.newcomer(901 + UInt64(ConnectionCounts.mostPushedOut), from: 1)
        #expect(counts.admit(Self.newcomer(number + 1, from: 1)) == .toShowCertificate(instead: oldest))
    }

    @Test func verifiedOnesMayTakeEveryPlace() {
        let counts = Counts(most: 30, mostOfAddress: 30)
        for number in UInt64(1)...30 {
            #expect(counts.admit(Self.newcomer(number, from: 1)) == .admitted)
            counts.verified(1)
        }
        #expect(counts.admit(Self.newcomer(31, from: 1)) == .refused("limit of 30 connections of one address"))
        #expect(counts.admit(Self.newcomer(32, from: 2)) == .refused("limit of 30 connections"))
        for _ in 0..<30 { counts.release(1, isVerified: true) }
        #expect(counts.admit(Self.newcomer(33, from: 1)) == .admitted)
    }

    @Test(arguments: [(1, 10, 1), (3, 10, 3), (9, 10, 9), (10, 10, 9), (1_000, 10, 900), (50, 0, 50), (50, 100, 0)])
    func aPartIsKept(_ places: Int, _ percent: Int, _ forStrangers: Int) {
        let counts = Counts(most: places, mostOfAddress: places, percent: percent)
        var taken = 0
        for number in 1...UInt64(places) where counts.admit(Self.newcomer(number, from: 1)) == .admitted { taken += 1 }
        #expect(taken == forStrangers)
    }
}
