import Foundation
import Outgoing

/// Exchanges a code for the token about the sign-in, from server to server (RFC 6749, section 4.1.3; RFC 7636).
struct CodeExchange: Sendable {
    /// Bounds of a code, and of the answer, in bytes: it has other tokens in it too.
    static let maximumCodeBytes = 4_096
    static let maximumAnswerBytes = 131_072

    /// Why there is no token; nothing of what was sent or answered.
    enum Fault: Error {
        case transport(OutgoingError)
        case noToken
    }

    let login: LoginConfiguration
    /// Nil for a public client.
    let secret: String?
    let redirect: String
    let settings: KeySettings

    func request(_ code: String, verifier: String, at address: HTTPSAddress) -> HTTPSRequest {
        var fields = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ]
        if secret == nil { fields.append(("client_id", login.clientID)) }
        let body = Array(FormFields.text(fields).utf8)
        var request = HTTPSRequest(address, method: .post(body, contentType: "application/x-www-form-urlencoded"))
        request.headers = ["Accept": "application/json", "User-Agent": "insightsd"]
        if let secret {
            let pair = FormFields.encoded(login.clientID) + ":" + FormFields.encoded(secret)
            request.authorization = "Basic " + Data(pair.utf8).base64EncodedString()
        }
        request.onlyStatus = 200
        request.prepare(settings, bodyBytes: Self.maximumAnswerBytes)
        return request
    }

    /// The ID token of the answer.
    static func token(in result: Result<HTTPSResponse, OutgoingError>) throws(Fault) -> String {
        switch result {
        case .failure(let error): throw .transport(error)
        case .success(let response):
            guard let token = StrictJSON(response.body)?.object?["id_token"]?.string else { throw .noToken }
            return token
        }
    }
}
