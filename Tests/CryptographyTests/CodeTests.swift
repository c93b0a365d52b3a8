import Crypto
import Foundation
import Testing

@testable import Cryptography

@Suite struct CodeTests {
    @Test func knownAnswers() throws {
        let lines = try Vectors.lines("codes")
        #expect(lines.count >= 18)
        for line in lines {
            let function = try #require(DigestAlgorithm(vector: line[0]))
            let key = AuthenticationKey(try bytes(line[1]), function)
            #expect(hex(key.code(of: try bytes(line[2]))) == line[3])
        }
    }

    /// Keys of every length, none and longer than a block among them; a key can be used again.
    @Test func likeAnotherLibrary() {
        var generator = SeededGenerator(state: 2)
        for round in 0..<300 {
            let secret = round == 0 ? [] : generator.bytes(upTo: 200)
            let keys = DigestAlgorithm.allCases.map { AuthenticationKey(secret, $0) }
            for _ in 0..<3 {
                let message = generator.bytes(upTo: 500)
                let other = SymmetricKey(data: secret)
                #expect(keys[0].code(of: message) == Array(HMAC<SHA256>.authenticationCode(for: message, using: other)))
                #expect(keys[1].code(of: message) == Array(HMAC<SHA384>.authenticationCode(for: message, using: other)))
                #expect(keys[2].code(of: message) == Array(HMAC<SHA512>.authenticationCode(for: message, using: other)))
            }
        }
    }

    /// Event loops share a key.
    @Test func manyThreadsAtOnce() {
        let key = AuthenticationKey([UInt8](0..<32))
        let expected = (0..<64).map { Array(HMAC<SHA256>.authenticationCode(for: [$0], using: .init(data: 0..<32))) }
        DispatchQueue.concurrentPerform(iterations: 64) { place in
            for _ in 0..<200 { #expect(key.code(of: [UInt8(place)]) == expected[place]) }
        }
    }

    @Test func equality() {
        var generator = SeededGenerator(state: 3)
        #expect(areEqualInConstantTime([], []))
        #expect(!areEqualInConstantTime([], [0]))
        for _ in 0..<200 {
            let left = generator.bytes(upTo: 64) + [1]
            #expect(areEqualInConstantTime(left, Array(left)))
            #expect(!areEqualInConstantTime(left, left + [0]))
            #expect(!areEqualInConstantTime(left, left.dropLast()))
            for place in left.indices {
                var other = left
                other[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                #expect(!areEqualInConstantTime(left, other))
            }
        }
    }

    @Test func randomBytes() {
        #expect(SecureRandom.bytes(0).isEmpty)
        let drawn = (0..<1_000).map { _ in SecureRandom.bytes(16) }
        #expect(drawn.allSatisfy { $0.count == 16 })
        #expect(Set(drawn).count == drawn.count)
        // Of 128,000 bits half are set; six standard deviations are 1,073.
        let ones = drawn.joined().reduce(0) { $0 + $1.nonzeroBitCount }
        #expect(abs(ones - 64_000) < 1_100)
    }
}

extension SymmetricKey {
    fileprivate init(data range: Range<UInt8>) { self.init(data: Array(range)) }
}
