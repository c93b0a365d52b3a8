import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@Suite struct FactBatchCodecDamageTests {
    private func sealed(_ content: [UInt8]) -> [UInt8] {
        let checksum = CRC32C.checksum(of: content)
        return content + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: checksum >> UInt32($0)) }
    }

    @Test func everyCutIsRefused() throws {
        for seed in 0..<40 as Range<UInt64> {
            var source = RandomFacts(seed: seed)
            let bytes = FactBatchCodec.encode(try source.batch(count: 6))
            for length in 0..<bytes.count {
                #expect(throws: FactBatchCodecError.self) { try FactBatchCodec.decode(Array(bytes[..<length])) }
            }
        }
    }

    @Test func everyFlippedBitIsRefused() throws {
        for seed in 0..<4 as Range<UInt64> {
            var source = RandomFacts(seed: seed)
            let bytes = FactBatchCodec.encode(try source.batch(count: 4))
            for bit in 0..<(bytes.count * 8) {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: FactBatchCodecError.self) { try FactBatchCodec.decode(damaged) }
            }
        }
    }

    /// Damage under a checksum that holds: an error or facts that encode again, never a trap.
    @Test func forgedBytesGiveFactsOrAnError() throws {
        var refused = 0
        for seed in 0..<20_000 as Range<UInt64> {
            var source = RandomFacts(seed: seed % 500)
            var random = SeededGenerator(seed: seed)
            var content = Array(FactBatchCodec.encode(try source.batch(count: 5)).dropLast(4))
            for _ in 0..<random.int(1...4) {
                let index = random.int(0...(content.count - 1))
                switch random.int(0...3) {
                case 0: content[index] = UInt8.random(in: 0...255, using: &random)
                case 1: content.remove(at: index)
                case 2: content.insert(0xFF, at: index)
                default: content = Array(content.prefix(index + 1))
                }
                if content.isEmpty { content = [1] }
            }
            do {
                let facts = try FactBatchCodec.decode(sealed(content))
                try #require(try FactBatchCodec.decode(FactBatchCodec.encode(facts)) == facts)
            } catch is FactBatchCodecError {
                refused += 1
            }
        }
        #expect(refused > 10_000)
    }

    @Test func randomBytesGiveFactsOrAnError() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            var content = (0..<random.int(1...60)).map { _ in UInt8.random(in: 0...255, using: &random) }
            content[0] = UInt8(random.int(1...2))
            _ = try? FactBatchCodec.decode(sealed(content))
            _ = try? FactBatchCodec.decode(content)
        }
    }

    @Test func claimedLengthsCostNothing() {
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
        let claims: [[UInt8]] = [
            [1] + huge, [1, 1, 1, 1] + huge, [1, 1, 9, 1, 1, 0x63, 1, 1, 0x75, 0] + huge,
            [1, 1, 8, 1, 1, 0x63, 1, 1, 0x73, 0] + huge, [1, 1, 1, 0] + huge, [1, 1, 1] + huge,
            [1, 1, 1, 1, 1, 0x70] + huge,
        ]
        for content in claims {
            #expect(throws: FactBatchCodecError.self) { try FactBatchCodec.decode(sealed(content)) }
        }
    }

    @Test func errorsSayWhatIsWrong() throws {
        #expect(throws: FactBatchCodecError.truncated) { try FactBatchCodec.decode([]) }
        #expect(throws: FactBatchCodecError.checksumMismatch) { try FactBatchCodec.decode([1, 0, 0, 0, 0, 0]) }
        #expect(throws: FactBatchCodecError.unknownVersion(3)) { try FactBatchCodec.decode(sealed([3, 0])) }
        func malformed(_ content: [UInt8], _ reason: String) {
            do {
                _ = try FactBatchCodec.decode(sealed(content))
                Issue.record("accepted: \(content)")
            } catch {
                guard case .malformed(_, let found) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(found == reason)
            }
        }
        malformed([1, 0, 0], "bytes follow the last fact")
        malformed([1, 1, 13, 0, 0], "unknown kind of fact")
        malformed([1, 1, 0x14, 0, 0], "unknown flag")
        malformed([1, 1, 0x21, 0, 0], "unknown flag")
        malformed([1, 1, 1, 0, 0], "no id was named before")
        malformed([1, 1, 1, 2, 0], "unknown id number")
        malformed([1, 1, 1, 1, 0, 0], "id is required")
        malformed([1, 1, 1, 1, 1, 0x20, 0], "id may contain only A-Z a-z 0-9 . _ -")
        malformed([1, 1, 1, 1, 1, 0x70, 1, 0xFF], "name is not UTF-8")
        malformed([1, 1, 4, 1, 1, 0x73, 0, 3, 0], "unknown product")
        malformed([1, 1, 11, 1, 1, 0x63, 4, 0], "unknown source")
        malformed([1, 1, 11, 1, 1, 0x63, 1, 1], "day is out of range")
        malformed([1, 1, 1, 1] + [UInt8](repeating: 0xFF, count: 9) + [2], "number is too large")
    }
}
