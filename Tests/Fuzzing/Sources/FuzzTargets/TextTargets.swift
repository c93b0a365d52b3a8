import Cryptography
import InsightsCore
import LicenseModel
import Outgoing

@testable import Authentication
@testable import InsightsServer
@testable import LogLines
@testable import RPCEngine

extension FuzzTarget {
    /// What metadata says: `grpc-timeout`, base64 of `-bin` names, percent codes, `accept-language`, lists of metadata.
    static let metadata = FuzzTarget(
        "metadata", trials: 20_000, maximumLength: 512,
        dictionary: [
            "nl-NL", "en;q=0.8", ";q=", "99999999H", "AQID", "==", "%", "Bearer ", "2024-02-29T23:59:59.999Z",
        ],
        seeds: {
            [
                "5S", "99999999H", "123456789n", "AQIDBA", "AQI=", "AQIDBA,BAMC", "nl-NL,nl;q=0.9,en;q=0.8", "en-US,*",
                "Bearer abc.def.ghi", "2024-02-29T23:59:59.999Z", "50%\r\n\u{7F}ä",
            ].map { Array($0.utf8) }
        },
        run: { bytes in
            if let time = bytes.withUnsafeBufferPointer({ Timeout.parse($0) }) {
                require(time <= UInt64.max / 4 && bytes.count <= 9, "a timeout is bounded")
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let decoded = RPCEngine.Base64.decode(bytes) {
                let written = Metadata.encodeBinary(decoded)
                require(bytes.starts(with: written.utf8), "base64 has one spelling")
                require(bytes.dropFirst(written.utf8.count).allSatisfy { $0 == 0x3D }, "only padding follows base64")
            }
            var metadata = Metadata()
            metadata.append("x-bin", text)
            metadata.append(text, "")
            _ = (metadata.binary("x-bin"), metadata[text], metadata.values(for: text))
            var escaped: [UInt8] = []
            PercentEncoding.append(text, limit: 100, to: &escaped)
            require(escaped.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "an escaped text is visible ASCII")
            var safe: [UInt8] = []
            SafeText.append(text, to: &safe, limit: 300)
            require(safe.count <= 300 && safe.allSatisfy { $0 >= 0x20 }, "a safe text has no controls")
            _ = (Language(acceptLanguage: text), Language(tag: text), BearerHeader.token(in: text))
            if let time = Timestamp(text: bytes) {
                var written: [UInt8] = []
                time.append(to: &written)
                require(written == bytes, "a time has one spelling")
            }
            if let written = Base64URL.bytes(of: bytes).map({ Base64URL.text(of: $0) }) {
                require(written == text, "URL-safe base64 has one spelling")
            }
        })

    /// Names in certificates and settings: SPIFFE ids, trust domains, https addresses.
    static let names = FuzzTarget(
        "names", trials: 10_000, maximumLength: 2_200,
        dictionary: [
            "spiffe://", "insights.local", "/partner/", "/principal/", "/operator/", "..", "%2F", "https://", "[::1]",
        ],
        seeds: {
            [
                "spiffe://insights.local/partner/p1/principal/ann", "spiffe://insights.local/operator/feeder",
                "https://login.example:8443/keys?x=1", "https://[::1]:443/", "https://a@b/",
            ].map { Array($0.utf8) }
        },
        run: { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let domain = try? TrustDomain(text) { require(domain.name == text, "a domain stays as written") }
            guard let domain = try? TrustDomain("insights.local") else { broken("a good domain") }
            switch try? SpiffeIdentity(text, trustDomain: domain) {
            case .principal(let partner, let principal)?:
                require(
                    text == "spiffe://insights.local/partner/\(partner)/principal/\(principal)",
                    "an id has one spelling")
            case .operator(let name)?:
                require(text == "spiffe://insights.local/operator/\(name)", "an id has one spelling")
            case nil: break
            }
            _ = try? SpiffeIdentity(uriSANs: [text, text], trustDomain: domain)
            if let address = HTTPSAddress(text) {
                require(address.target.hasPrefix("/") && !address.host.isEmpty, "an address has a host and a target")
                require(HTTPSAddress(address.description) == address, "an address reads itself back")
            }
        })

    /// `filter` and `order_by`, applied to a customer.
    static let filter = FuzzTarget(
        "filter", trials: 6_000, maximumLength: 4_200,
        dictionary: CustomerFilter.Key.allCases.map(\.rawValue) + FilterOperator.allCases.map(\.rawValue)
            + [" AND ", "\"", "\\\"", "33.333333333", "-1", "999999999999999999", " desc", "\u{130}", "é"],
        seeds: {
            [
                "usage < 40 AND sold >= 25", "customer_name : \"gmbh zÜRICH\" AND market = CH", "deployment=80.000",
                "customer_id >= c-10", "name != \"a \\\" b\\\\\"", "active_users > -1", "sold desc", "customer_name",
            ].map { Array($0.utf8) }
        },
        run: { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let full = CustomerSums(
                sold: 25, assigned: .max, activeUsers: 0, deployment: Fraction(20, of: 25), usage: Fraction(.max, of: 1)
            )
            for vocabulary in [CustomerFilter.Vocabulary.insights, .customers] {
                guard let filter = try? CustomerFilter(text, vocabulary) else { continue }
                for sums in [full, CustomerSums()] {
                    _ = filter.matches(sums) { CustomerTexts(id: "c-10", name: "Contoso GmbH Zürich", market: "CH") }
                    _ = filter.matches(sums) { CustomerTexts(id: "", name: text, market: "") }
                }
            }
            _ = try? CustomerOrder(text)
            if let number = DecimalNumber(text) {
                require(number.scale <= DecimalNumber.maximumScale, "a number is bounded")
                _ = (number.compare(.min), number.compare(.max), number.comparePercent(.max, of: .max))
            }
            let texts = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            if let place = CustomerPlace(texts: texts) { _ = CustomerPlace(texts: place.texts) }
        })
}
