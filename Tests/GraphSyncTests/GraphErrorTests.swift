import Testing

@testable import GraphSync

struct GraphErrorTests {
    private func code(_ text: String) -> String { GraphError(Array(text.utf8)).code }

    @Test(arguments: [
        // Graph.
        (
            #"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}"#,
            "Authorization_RequestDenied"
        ),
        (#"{"error":{"code":"UnknownError","message":"","innerError":{"code":"inner"}}}"#, "UnknownError"),
        (#"{"error":{"message":"no code"}}"#, ""),
        (#"{"error":{"code":403}}"#, ""),
        // The identity provider.
        (
            #"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret","error_codes":[7000215]}"#,
            "AADSTS7000215"
        ),
        (#"{"error":"invalid_grant","error_description":"AADSTS65001: The user or administrator"}"#, "AADSTS65001"),
        (#"{"error":"invalid_client","error_codes":[],"error_description":"AADSTS700016: x"}"#, "AADSTS700016"),
        (#"{"error":"invalid_client","error_codes":["700016"],"error_description":"no"}"#, "invalid_client"),
        (#"{"error":"invalid_client"}"#, "invalid_client"),
        // Neither.
        ("", ""), ("null", ""), ("[]", ""), ("{}", ""), ("<html>403</html>", ""), (#"{"error":null}"#, ""),
        (#"{"error":["a"]}"#, ""), (#"{"error_codes":[65001]}"#, ""), (#"{"error":{"code":"a"}"#, ""),
    ])
    func codes(_ body: String, _ expected: String) {
        #expect(code(body) == expected)
    }

    @Test func hostileBodies() {
        let deep = String(repeating: "[", count: 200_000)
        #expect(code(deep) == "")
        #expect(code(#"{"error":"# + deep) == "")
        #expect(code(String(repeating: #"{"error":"#, count: 100_000)) == "")
        #expect(code(#"{"error":{"code":"\#(String(repeating: "x", count: 1 << 20))"}}"#) == "")
        #expect(code(#"{"error":{"code":"\#(String(repeating: "x", count: 81))"}}"#) == "")
        #expect(code(#"{"error":"x","error_description":"AADSTS\#(String(repeating: "7", count: 1 << 20))"}"#) == "")
        for odd in ["a b", "a\\nb", "a\\u0000", "a\\u001b[2J", "é", "\\ud83d\\ude00", "a/b", "<a>", "a\\\"b"] {
            #expect(code(#"{"error":{"code":"\#(odd)"}}"#) == "", "\(odd)")
            #expect(code(#"{"error":"\#(odd)"}"#) == "", "\(odd)")
        }
        #expect(GraphError([0xFF, 0xFE, 0x00]).code == "")
        #expect(GraphError(Array(#"{"error":{"code":""#.utf8) + [0xC3, 0x28] + Array(#""}}"#.utf8)).code == "")
        #expect(code(#"{"error":"x","error_codes":[1e400]}"#) == "")
        #expect(code(#"{"error":"invalid_grant","error_codes":[99999999999999999999999]}"#) == "invalid_grant")
    }

    /// Providers repeat what they were sent.
    @Test func whatWasSentIsNotRepeated() {
        let secret = "s3cr3t~of.the-application"
        let bodies = [
            #"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret '\#(secret)'."}"#,
            #"{"error":"invalid_client","error_description":"\#(secret)"}"#,
            #"{"error":"invalid_client","error_description":"AADSTS7000215 \#(secret)","error_codes":["\#(secret)"]}"#,
            #"{"error":{"code":"invalid","message":"\#(secret)","innerError":{"token":"\#(secret)"}}}"#,
            #"{"error":"\#(secret)"}"#, #"{"error":{"code":"\#(secret)"}}"#, secret,
        ]
        for body in bodies {
            let error = GraphError(Array(body.utf8))
            let failures = [
                error.tokenFailure(tenant: "t", status: 401), error.failure(.users, status: 403),
                error.failure(.users, status: 500),
            ]
            for failure in failures { #expect(!failure.message.contains("s3cr3t"), "\(failure.message)") }
        }
    }

    private func tokenFailure(_ number: Int, status: Int = 401) -> SourceFailure {
        GraphError(Array(#"{"error":"e","error_codes":[\#(number)]}"#.utf8)).tokenFailure(
            tenant: "of-me", status: status)
    }

    @Test(arguments: [
        (7_000_215, SourceFailure.Reason.credential, "renew it and its file"),
        (7_000_222, .credential, "renew it and its file"),
        (700_027, .credential, "renew it and its file"),
        (50_012, .credential, "renew it and its file"),
        (7_000_216, .credential, "renew it and its file"),
        (7_000_218, .credential, "renew it and its file"),
        (700_016, .noConsent, "no consent in tenant of-me"),
        (65_001, .noConsent, "no consent in tenant of-me"),
        (500_011, .noConsent, "no consent in tenant of-me"),
        (7_000_229, .noConsent, "no consent in tenant of-me"),
        (650_052, .noConsent, "no consent in tenant of-me"),
        (650_057, .noConsent, "no consent in tenant of-me"),
        (500_014, .noConsent, "no consent in tenant of-me"),
        (7_000_112, .noConsent, "no consent in tenant of-me"),
        (90_002, .refused, "there is no tenant of-me"),
        (900_023, .refused, "there is no tenant of-me"),
        (53_003, .noConsent, "conditional access policy of tenant of-me"),
        (530_003, .noConsent, "conditional access policy of tenant of-me"),
        (1, .noConsent, "no token for tenant of-me"),
    ])
    func whyThereIsNoToken(_ number: Int, _ reason: SourceFailure.Reason, _ advice: String) {
        let failure = tokenFailure(number)
        #expect(failure.reason == reason)
        #expect(failure.message.hasPrefix("AADSTS\(number): "))
        #expect(failure.message.contains(advice), "\(failure.message)")
    }

    @Test func withoutANumberTheStatusIsNamed() {
        let nothing = GraphError([])
        #expect(nothing.tokenFailure(tenant: "t", status: 403).message.hasPrefix("HTTP 403: no token for tenant t"))
        #expect(nothing.tokenFailure(tenant: "t", status: 403).reason == .noConsent)
        #expect(nothing.tokenFailure(tenant: "t", status: 404).reason == .refused)
        #expect(nothing.failure(.users, status: 404) == SourceFailure(.refused, "users: HTTP 404"))
        let denied = GraphError(Array(#"{"error":{"code":"Authorization_RequestDenied"}}"#.utf8))
        for source in GraphSource.allCases {
            let failure = denied.failure(source, status: 403)
            #expect(failure.reason == .noConsent)
            #expect(failure.message.hasPrefix("\(source.title): Authorization_RequestDenied (HTTP 403)"))
            #expect(failure.message.contains(source.permission))
        }
    }
}
