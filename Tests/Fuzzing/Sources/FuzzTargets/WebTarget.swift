import InsightsAPI
import RPCEngine

@testable import InsightsWeb

extension FuzzTarget {
    /// Requests of the web: media types, paths, queries, filters, bodies as JSON, for every method.
    static let web = FuzzTarget(
        "web", trials: 4_000,
        dictionary: [
            "connect=v1", "&encoding=json", "&encoding=proto", "&message=", "&base64=1", "&compression=gzip", "%7B%22",
            "application/json", "; charset=utf-8", "{\"customerId\":\"", "\"minRevision\":\"18446744073709551615\"",
            "\\ud83d\\ude08", "[[[[", "1e999", "-0", "null", "\"products\":[1,\"PRODUCT_OFFICE_365\"]",
            "\"interval\":99999999999", "\"scope\":-2147483649", "\"roles\":[1e18]",
            "&filter=", "channel eq '", "' and ", "' or ", "groupby=", "productId,", "&top=", "&skip=", "%2F", "/..",
            "as_of=", "&products=PRODUCT_OFFICE_365", "&page_size=-7", "&minRevision=18446744073709551615",
        ],
        seeds: {
            [
                "\u{0}connect=v1&encoding=json&message=%7B%22customerId%22:%22C%22%7D",
                "\u{1}encoding=proto&base64=1&message=CgFD",
                "\u{2}{\"customerId\":\"C\",\"products\":[\"PRODUCT_OFFICE_365\"]}",
                "\u{5}{\"pageSize\":5,\"filter\":\"usage < 40\",\"minRevision\":\"7\"}",
                "\u{4}{\"interval\":2147483648,\"products\":[99999999999]}",
                "\u{9}application/json; charset=utf-8",
            ].map { Array($0.utf8) }
        },
        run: { bytes in
            var input = FuzzInput(bytes)
            let methods = Method.allCases.filter { $0.messages != nil }
            let method = methods[Int(input.byte()) % methods.count]
            let rest = input.takeRest()
            let text = String(decoding: rest, as: UTF8.self)
            _ = ConnectCodec(contentType: text)
            if let decoded = URLBase64.decode(rest) {
                require(URLBase64.decode(Array(URLBase64.encode(decoded).utf8)) == decoded, "Base64 comes back")
            }
            _ = PathPattern.segments(of: text)
            readAsGet(text, HTTPRoute.all[method.rawValue % HTTPRoute.all.count])
            for kind in LegacyKind.allCases {
                if let query = try? LegacyQuery(text, kind) {
                    require((1...LegacyQuery.maximumTop).contains(query.top) && query.skip >= 0, "a page is bounded")
                }
                _ = try? LegacyFilter(text, kind)
            }
            let query = ConnectQuery(text)
            for query in [nil, query] {
                let translation = ConnectTranslation(
                    method: method, codec: query?.codec ?? .json, query: query, isPacked: query?.isPacked ?? false,
                    takesGzip: false)
                answer(translation, query == nil ? rest : [])
            }
        })

    private static func readAsGet(_ text: String, _ route: HTTPRoute) {
        do throws(QueryMessage.Refusal) {
            let bytes = try QueryMessage.bytes(of: route, variables: ["customer_id": text], query: text)
            require(bytes.count <= 8 * text.utf8.count + 64, "a message is not much longer than its query")
            if let type = route.method.messages?.request {
                require((try? type.init(serializedBytes: bytes)) != nil, "a query makes a message")
            }
        } catch {
            let response = RESTError.response(to: error.status)
            require(response.status == 400 && response.body.count < 2_000, "a refusal is short")
        }
    }

    private static func answer(_ translation: ConnectTranslation, _ body: [UInt8]) {
        do throws(WebFailure) {
            let message = try translation.message(in: body, limit: 2_000)
            require(message.count <= 2_000, "a message is bounded")
            guard translation.codec == .json, let type = translation.method.messages?.request else { return }
            guard let read = try? type.init(serializedBytes: message) else { broken("JSON makes a message") }
            guard let written: [UInt8] = try? read.jsonUTF8Bytes() else { broken("a message has JSON") }
            require((try? type.init(jsonUTF8Bytes: written)) != nil, "JSON comes back")
        } catch {
            guard case .refused(let status) = error else { return }
            let response = ConnectError.response(to: status)
            require(response.status == 400 && response.body.count < 2_000, "a refusal is short")
        }
    }
}
