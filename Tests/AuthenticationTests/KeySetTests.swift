import CryptoExtras
import Foundation
import Outgoing
import Synchronization
import Testing

@testable import Authentication

/// Answers what the test says.
final class ScriptedFetcher: KeySetFetcher {
    private let answer: Mutex<Result<[UInt8], KeySetError>>
    private let counted = Mutex(0)

    init(_ answer: Result<[UInt8], KeySetError>) {
        self.answer = Mutex(answer)
    }

    var calls: Int { counted.withLock { $0 } }

    func answer(_ next: Result<[UInt8], KeySetError>) { answer.withLock { $0 = next } }

    func fetch(_ address: HTTPSAddress, settings: KeySettings) throws(KeySetError) -> [UInt8] {
        counted.withLock { $0 += 1 }
        return try answer.withLock { $0 }.get()
    }
}

@Suite struct KeySetTests {
    private let issuer: TestIssuer

    init() throws {
        issuer = try TestIssuer()
    }

    private func eventually(_ condition: () throws -> Bool) async throws -> Bool {
        // Retries back off to seconds when a loaded machine makes many of them fail first.
        for _ in 0..<6_000 {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private func keySet(_ keys: [[String: String]]) throws -> [UInt8] { Array(try TestIssuer.document(keys)) }

    // MARK: Reading key sets

    @Test func weakAndForeignKeysAreLeftOut() throws {
        let good = try TestIssuer.jwk("good", rsa: issuer.rsa.publicKey)
        func changed(_ changes: [String: String?]) -> [String: String] {
            var key = good
            key["kid"] = "bad"
            for (name, value) in changes { key[name] = value }
            return key
        }
        let small = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1_024))
        var weak = try TestIssuer.jwk("bad", rsa: small.publicKey)
        weak["use"] = "sig"
        let bad: [[String: String]] = [
            weak, changed(["kid": ""]), changed(["use": "enc"]), changed(["alg": "HS256"]),
            changed(["alg": "RS512"]), changed(["alg": "none"]), changed(["kty": "oct"]), changed(["kty": "rsa"]),
            changed(["n": nil]), changed(["n": ""]), changed(["n": "AAAA"]), changed(["e": "AQ"]), changed(["e": "Ag"]),
            changed(["e": ""]), changed(["e": "AQAAAAE"]), changed(["n": "!!!"]), changed(["key_ops": "verify"]),
            ["kty": "EC", "crv": "P-256", "kid": "bad", "x": "AAAA", "y": "AAAA"],
            [
                "kty": "EC", "crv": "P-256", "kid": "bad", "x": TestIssuer.encode(Data(count: 32)),
                "y": TestIssuer.encode(Data(count: 32)),
            ],
            ["kty": "EC", "crv": "P-521", "kid": "bad"], ["kty": "oct", "kid": "bad", "k": "c2VjcmV0"],
            ["kty": "OKP", "kid": "bad"],
        ]
        for key in bad {
            let set = try KeySet(json: keySet([key, good]), allowed: [.rs256, .es256])
            #expect(set.count == 1, "\(key)")
            #expect(set.key("bad", for: .rs256) == nil)
            #expect(set.key("good", for: .rs256) != nil)
            #expect(set.key("good", for: .ps256) == nil)
            #expect(set.key("good", for: .es256) == nil)
            #expect(throws: KeySetError.noUsableKey) { try KeySet(json: keySet([key]), allowed: [.rs256, .es256]) }
        }
    }

    @Test func ambiguousAndMalformedSetsAreRefused() throws {
        let one = try TestIssuer.jwk("k", rsa: issuer.rsa.publicKey)
        let other = try TestIssuer.jwk("k", rsa: issuer.rsaNext.publicKey)
        #expect(throws: KeySetError.malformed) { try KeySet(json: keySet([one, other]), allowed: [.rs256]) }
        // One id for two kinds of keys is clear.
        let ec = TestIssuer.jwk("k", p256: issuer.ec.publicKey)
        #expect(try KeySet(json: keySet([one, ec]), allowed: [.rs256, .es256]).count == 2)
        for text in [
            "", "{}", "[]", #"{"keys":{}}"#, #"{"keys":[7]}"#, #"{"keys":[],"keys":[]}"#, "{\"keys\":[", "nonsense",
        ] {
            #expect(throws: KeySetError.self) { try KeySet(json: Array(text.utf8), allowed: [.rs256]) }
        }
        let many = (0...KeySet.maximumKeys).map { ["kty": "RSA", "kid": "\($0)"] }
        #expect(throws: KeySetError.malformed) { try KeySet(json: keySet(many), allowed: [.rs256]) }
    }

    @Test func namedAlgorithmIsTheOnlyOne() throws {
        try issuer.writeKeys([TestIssuer.jwk("rsa1", rsa: issuer.rsa.publicKey, alg: "PS256")])
        let bench = try TokenBench([issuer.settings(["algorithms": ["RS256", "PS256"]])])
        #expect(bench.accepts(try issuer.token(.PS256)))
        #expect(!bench.accepts(try issuer.token(.RS256)))
    }

    // MARK: J5

    @Test func rotationInAFile() async throws {
        let bench = try TokenBench([issuer.settings()])
        let old = try issuer.token()
        let new = try issuer.token(kid: "rsa2", key: issuer.rsaNext)
        #expect(bench.accepts(old))
        #expect(!bench.accepts(new))
        // Overlap: both are good, the new one soon after its first token.
        try issuer.writeKeys([
            TestIssuer.jwk("rsa1", rsa: issuer.rsa.publicKey), TestIssuer.jwk("rsa2", rsa: issuer.rsaNext.publicKey),
        ])
        #expect(try await eventually { bench.accepts(new, now: TestIssuer.now + 1) })
        #expect(bench.accepts(old))
        // A broken file changes nothing.
        try Data("{".utf8).write(to: URL(fileURLWithPath: issuer.keysPath))
        #expect(!bench.accepts(try issuer.token(kid: "rsa3"), now: TestIssuer.now + 5))
        #expect(bench.accepts(old))
        // The old key goes: its tokens end, though they are remembered as good.
        try issuer.writeKeys([TestIssuer.jwk("rsa2", rsa: issuer.rsaNext.publicKey)])
        #expect(try await eventually { !bench.accepts(old) })
        #expect(bench.accepts(new))
    }

    /// The caller's thread serves calls: it never reads the file, whatever key ids come, and the file is read at most
    /// once a second for them.
    @Test func unknownKeysOfAFileAreLookedUpElsewhere() async throws {
        var settings = KeySettings()
        settings.filePollSeconds = 3_600
        let caller = pthread_self()
        let readings = Mutex<[(keys: Int?, byCaller: Bool)]>([])
        let bench = try TokenBench([issuer.settings()], settings: settings) { event in
            readings.withLock { $0.append((event.keys, pthread_equal(pthread_self(), caller) != 0)) }
        }
        #expect(readings.withLock { $0.map(\.keys) } == [2])
        let storm = try (0..<50).map { try issuer.token(kid: "unknown-\($0)") }
        func write(_ count: Int) throws {
            try issuer.writeKeys((0..<count).map { try TestIssuer.jwk("rsa\($0)", rsa: issuer.rsa.publicKey) })
        }
        func attack(at second: Int64) {
            // No suspension between: all of it on the caller's thread.
            for token in storm { #expect(!bench.accepts(token, now: TestIssuer.now + second)) }
        }
        try write(4)
        attack(at: 0)
        #expect(try await eventually { readings.withLock { $0.map(\.keys) } == [2, 4] })
        try write(5)
        attack(at: 0)
        try await Task.sleep(for: .milliseconds(50))
        try write(6)
        attack(at: 1)
        #expect(try await eventually { readings.withLock { $0.last?.keys } == 6 })
        #expect(readings.withLock { $0.map(\.keys) } == [2, 4, 6])
        #expect(readings.withLock { $0.dropFirst().allSatisfy { !$0.byCaller } })
        bench.verifier.stop()
    }

    @Test func unknownKeysCauseOneFetchInFiveMinutes() async throws {
        let fetcher = ScriptedFetcher(.success(try keySet(issuer.keySet())))
        let bench = try TokenBench([issuer.settings(["jwks": "https://login.example/keys"])], fetcher: fetcher)
        let good = try issuer.token()
        #expect(try await eventually { bench.accepts(good) })
        #expect(fetcher.calls == 1)
        let storm = try (0..<20).map { try issuer.token(kid: "unknown-\($0)") }
        for second: Int64 in stride(from: 0, to: 300, by: 23) {
            for token in storm { #expect(!bench.accepts(token, now: TestIssuer.now + second)) }
        }
        #expect(try await eventually { fetcher.calls == 2 })
        try await Task.sleep(for: .milliseconds(50))
        #expect(fetcher.calls == 2)
        // A rotation in the next interval is found by the first token of the new key.
        fetcher.answer(.success(try keySet([TestIssuer.jwk("rsa2", rsa: issuer.rsaNext.publicKey)])))
        let new = try issuer.token(kid: "rsa2", key: issuer.rsaNext)
        #expect(!bench.accepts(new, now: TestIssuer.now + 300))
        #expect(try await eventually { bench.accepts(new, now: TestIssuer.now + 300) })
        #expect(fetcher.calls == 3)
        #expect(!bench.accepts(good, now: TestIssuer.now + 300))
    }

    @Test func lastGoodKeysOutliveAnOutage() async throws {
        let fetcher = ScriptedFetcher(.failure(.timedOut))
        var settings = KeySettings()
        settings.retrySeconds = 0.01
        settings.refreshSeconds = 0.01
        let events = Mutex<[KeySetEvent]>([])
        let bench = try TokenBench(
            [issuer.settings(["jwks": "https://login.example/keys"])], settings: settings, fetcher: fetcher
        ) { event in events.withLock { $0.append(event) } }
        let good = try issuer.token()
        // Not there when the server starts, and no reason not to start.
        #expect(try await eventually { fetcher.calls >= 2 })
        #expect(bench.failure(good)?.cause == .tokenKeyUnknown)
        fetcher.answer(.success(try keySet(issuer.keySet())))
        #expect(try await eventually { bench.accepts(good) })
        for failure: KeySetError in [.timedOut, .status(500), .tooLarge(limitBytes: 5), .unreachable("x")] {
            fetcher.answer(.failure(failure))
            let before = fetcher.calls
            #expect(try await eventually { fetcher.calls >= before + 2 })
            #expect(bench.accepts(good))
            #expect(bench.accepts(try issuer.token(.ES256)))
        }
        fetcher.answer(.success(Array("{\"keys\":[]}".utf8)))
        let before = fetcher.calls
        #expect(try await eventually { fetcher.calls >= before + 2 })
        #expect(bench.accepts(good))
        bench.verifier.stop()
        // One line per change, not per attempt.
        #expect(events.withLock { $0.count } <= 8)
        #expect(events.withLock { $0.first?.failure } == .timedOut)
    }

    @Test func missingKeyFileStopsTheStart() throws {
        #expect(throws: TokenIssuerError.self) { try TokenBench([issuer.settings(["jwks": "nothing.json"])]) }
        for changes: [String: Any] in [[:], ["jwks": "nothing.json"], ["algorithms": ["ES384"]]] {
            let issuer = try issuer.settings(changes)
            let starts = (try? TokenBench([issuer])) != nil
            #expect(((try? TokenVerifier.check([issuer])) != nil) == starts)
        }
        #expect(throws: TokenIssuerError.self) { try TokenVerifier.check([issuer.settings(), issuer.settings()]) }
        try issuer.writeKeys([TestIssuer.jwk("ec1", p256: issuer.ec.publicKey)])
        #expect(throws: TokenIssuerError.self) { try TokenBench([issuer.settings(["algorithms": ["RS256"]])]) }
        #expect(throws: TokenIssuerError.self) { try TokenVerifier.check([issuer.settings(["algorithms": ["RS256"]])]) }
        try Data(count: 2_000_000).write(to: URL(fileURLWithPath: issuer.keysPath))
        #expect(throws: TokenIssuerError.self) { try TokenBench([issuer.settings()]) }
    }
}
