import Foundation

/// An error as Graph or the identity provider writes it: only its code is kept. Its text may repeat what was sent.
struct GraphError {
    /// Empty when the answer holds none.
    let code: String

    /// - Parameter hiding: the token that was sent.
    init(_ bytes: [UInt8], hiding token: String? = nil) {
        let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        var code = ""
        if let error = object?["error"] as? [String: Any] {
            code = error["code"] as? String ?? ""
        } else if let error = object?["error"] as? String {
            code = Self.providerCode(object) ?? (Self.tokenErrors.contains(error) ? error : "")
        }
        // Whatever repeats a part of what was sent is no code.
        self.code = Self.isCode(code) && token?.contains(code) != true ? code : ""
    }

    /// `AADSTS…` from the list of codes or from the text.
    private static func providerCode(_ object: [String: Any]?) -> String? {
        if let number = (object?["error_codes"] as? [Any])?.first as? Int { return "AADSTS\(number)" }
        guard let text = object?["error_description"] as? String, text.hasPrefix("AADSTS") else { return nil }
        let number = text.dropFirst(6).prefix { $0.isASCII && $0.isNumber }
        return number.isEmpty || number.count > 12 ? nil : "AADSTS\(number)"
    }

    /// RFC 6749, 5.2, and what Entra ID answers beside it.
    private static let tokenErrors: Set<String> = [
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "invalid_resource", "interaction_required", "consent_required", "temporarily_unavailable",
        "access_denied", "server_error",
    ]

    private static func isCode(_ text: String) -> Bool {
        text.utf8.count <= 80
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Why the identity provider gives no token, and what to do.
    func tokenFailure(tenant: String, status: Int) -> SourceFailure {
        let number = code.hasPrefix("AADSTS") ? Int(code.dropFirst(6)) ?? 0 : 0
        let name = code.isEmpty ? "HTTP \(status)" : code
        switch number {
        case 7_000_215, 7_000_222, 700_027, 50_012, 7_000_216, 7_000_218:
            return SourceFailure(
                .credential,
                "\(name): the secret or certificate of the application is wrong or out of date; renew it and its file")
        case 700_016, 65_001, 500_011, 7_000_229, 650_052, 650_057, 500_014, 7_000_112:
            return SourceFailure(
                .noConsent,
                "\(name): the application has no consent in tenant \(tenant); an administrator there grants it "
                    + "(docs/sync.md, Consent)")
        case 90_002, 900_023:
            return SourceFailure(.refused, "\(name): there is no tenant \(tenant); correct or remove the customer")
        case 53_003, 530_003:
            return SourceFailure(
                .noConsent, "\(name): a conditional access policy of tenant \(tenant) keeps the application out")
        default:
            let reason: SourceFailure.Reason = status == 400 || status == 401 || status == 403 ? .noConsent : .refused
            return SourceFailure(
                reason, "\(name): no token for tenant \(tenant); look the code up in the provider's list of errors")
        }
    }

    /// Why Graph does not answer, and what to do.
    func failure(_ source: GraphSource, status: Int) -> SourceFailure {
        let name = code.isEmpty ? "HTTP \(status)" : "\(code) (HTTP \(status))"
        guard status == 401 || status == 403 else {
            return SourceFailure(.refused, "\(source.title): \(name)")
        }
        return SourceFailure(
            .noConsent,
            "\(source.title): \(name): the application may not read it; grant \(source.permission) in that tenant and "
                + "consent again (docs/sync.md, Consent)")
    }
}
