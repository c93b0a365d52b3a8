import COpenSSL
import Crypto
import Testing

@testable import Cryptography

@Suite struct SealTests {
    @Test func knownAnswers() throws {
        let lines = try Vectors.lines("seals")
        #expect(lines.count > 30)
        for line in lines {
            let parts = try line[..<6].map { try bytes($0) }
            let key = try SealingKey(parts[0])
            let sealed = parts[1] + parts[4] + parts[5]
            if line[6] == "valid" {
                #expect(try key.seal(parts[3], for: parts[2], nonce: parts[1]) == sealed)
                #expect(key.open(sealed, for: parts[2]) == parts[3])
            } else {
                #expect(key.open(sealed, for: parts[2]) == nil)
            }
        }
    }

    @Test func likeAnotherLibrary() throws {
        var generator = SeededGenerator(state: 4)
        for _ in 0..<300 {
            let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let (message, context) = (generator.bytes(upTo: 300), generator.bytes(upTo: 100))
            let sealed = try SealingKey(secret).seal(message, for: context)
            let box = try AES.GCM.SealedBox(combined: sealed)
            let opened = try AES.GCM.open(box, using: SymmetricKey(data: secret), authenticating: context)
            #expect(Array(opened) == message)
            let other = try AES.GCM.seal(message, using: SymmetricKey(data: secret), authenticating: context)
            #expect(try SealingKey(secret).open(Array(#require(other.combined)), for: context) == message)
        }
    }

    @Test func whatWasChangedStaysShut() throws {
        let key = try SealingKey(SecureRandom.bytes(32))
        let sealed = try key.seal(Array("message".utf8), for: [1])
        #expect(sealed.count == 7 + SealingKey.overhead)
        #expect(try key.seal(Array("message".utf8), for: [1]) != sealed, "another nonce")
        ERR_clear_error()
        for place in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[place] ^= 1 << bit
                #expect(key.open(changed, for: [1]) == nil)
            }
        }
        for count in 0..<sealed.count { #expect(key.open(Array(sealed.prefix(count)), for: [1]) == nil) }
        #expect(key.open(sealed + [0], for: [1]) == nil)
        #expect(key.open(sealed, for: []) == nil)
        #expect(try SealingKey(SecureRandom.bytes(32)).open(sealed, for: [1]) == nil)
        #expect(ERR_peek_error() == 0)
        for count in [0, 16, 31, 33] {
            #expect(throws: CryptographyError.unusableKey) { try SealingKey([UInt8](repeating: 1, count: count)) }
        }
    }
}
