import Crypto
import Testing

@testable import Cryptography

@Suite struct DigestTests {
    /// FIPS 180-4's examples.
    static let known: [(DigestAlgorithm, String, String)] = [
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            .sha384, "abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ),
        (
            .sha512, "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ]

    @Test(arguments: known)
    func knownAnswers(_ function: DigestAlgorithm, _ message: String, _ digest: String) {
        #expect(hex(function.digest(of: Array(message.utf8))) == digest)
    }

    @Test func aMillionTimes() {
        let running = RunningDigest(.sha256)
        for _ in 0..<1_000 { running.update([UInt8](repeating: UInt8(ascii: "a"), count: 1_000)) }
        #expect(hex(running.finish()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// In one piece and in many as another library has it; after the end it starts anew.
    @Test(arguments: DigestAlgorithm.allCases)
    func likeAnotherLibrary(_ function: DigestAlgorithm) {
        var generator = SeededGenerator(state: 1)
        let running = RunningDigest(function)
        for _ in 0..<500 {
            let pieces = (0..<Int.random(in: 0...4, using: &generator)).map { _ in generator.bytes(upTo: 300) }
            let whole = pieces.flatMap { $0 }
            let expected: [UInt8] =
                switch function {
                case .sha256: Array(Crypto.SHA256.hash(data: whole))
                case .sha384: Array(Crypto.SHA384.hash(data: whole))
                case .sha512: Array(Crypto.SHA512.hash(data: whole))
                }
            #expect(expected.count == function.byteCount)
            #expect(function.digest(of: whole) == expected)
            for piece in pieces { running.update(piece) }
            #expect(running.finish() == expected)
        }
    }

    @Test func fingerprints() {
        var generator = SeededGenerator(state: 7)
        let texts = (0..<500).map { Array("\($0)".utf8) + generator.bytes(upTo: 40) }
        #expect(Set(texts.map { Fingerprint(of: $0) }).count == texts.count)
        for text in texts {
            #expect(Fingerprint(of: text) == Fingerprint(of: Array(text)))
            let digest = Crypto.SHA256.hash(data: text)
            #expect(withUnsafeBytes(of: Fingerprint(of: text)) { Array($0) } == Array(digest))
        }
    }
}
