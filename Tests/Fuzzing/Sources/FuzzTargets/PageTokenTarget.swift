import Cryptography
import LicenseModel

@testable import InsightsServer

extension FuzzTarget {
    /// Page tokens as they come, and with a good code over whatever the input says, so that what is behind the code is
    /// reached.
    static let pageToken = FuzzTarget(
        "page-token", trials: 4_000, maximumLength: 1_024,
        seeds: {
            var seeds: [[UInt8]] = []
            for key in [[], ["customer-7"], ["c", "text", "größe"], ["c", "number", "1", "3"]] {
                let token = Sealed.tokens.token(
                    for: Sealed.query, at: PagePosition(revision: Revision(number: 42), asOf: .last, key: key))
                seeds.append([0] + Array(token.utf8))
                let body = Base64URL.bytes(of: token.utf8)?.dropLast(Sealed.codeBytes) ?? []
                seeds.append([1] + Array(body))
            }
            return seeds
        },
        run: { bytes in
            let isSealed = bytes.first == 1
            let body = Array(bytes.dropFirst())
            let text = isSealed ? Sealed.token(over: body) : String(decoding: body, as: UTF8.self)
            guard let position = try? Sealed.tokens.position(of: text, for: Sealed.query) else { return }
            require(position.key.count <= PagePosition.maximumKeys, "a position is bounded")
            require(Sealed.tokens.token(for: Sealed.query, at: position) == text, "a position has one token")
        })

    /// Page tokens under a known key.
    private enum Sealed {
        static let secret = [UInt8](0..<32)
        static let tokens = PageTokens(secret: secret)
        static let query = PageQuery(partner: "p", method: "/s/List", digest: [UInt8](repeating: 7, count: 32))
        static let codeBytes = 16

        static func token(over body: [UInt8]) -> String {
            var message: [UInt8] = []
            for length in [query.partner.utf8.count, query.method.utf8.count, query.digest.count] {
                message += (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            }
            message += Array(query.partner.utf8) + Array(query.method.utf8) + query.digest + body
            return Base64URL.text(of: body + AuthenticationKey(secret).code(of: message).prefix(codeBytes))
        }
    }
}
