import Cryptography
import LicenseModel

/// Where the next page begins.
struct PagePosition: Sendable, Hashable {
    /// Revision of the facts that the first page was answered from.
    var revision: Revision
    /// The day that the first page resolved, so that later pages show the same day; nil for lists without a day.
    var asOf: Day?
    /// The last entry shown: the sort key and the id, or the id alone. At most `maximumKeys` texts.
    var key: [String]

    static let maximumKeys = 4
}

/// What a page token is bound to: another caller, method or question makes it invalid (definition “Pages”).
struct PageQuery: Sendable, Hashable {
    /// The partner id; empty for the operator.
    let partner: String
    /// Full method path.
    let method: String
    /// SHA-256 of every request field but `page_size` and `page_token`.
    let digest: [UInt8]

    init(partner: String, method: String, digest: [UInt8]) {
        self.partner = partner
        self.method = method
        self.digest = digest
    }
}

/// Makes and opens page tokens: the position and a MAC over it and the query. Opening is total on any text.
struct PageTokens: Sendable {
    /// Longer tokens are refused unread, in characters.
    static let maximumLength = 8_192

    private static let version: UInt8 = 1
    /// HMAC-SHA256 cut to 128 bits.
    private static let macLength = 16

    private let key: AuthenticationKey

    /// `secret` of at least 32 random bytes; all servers that answer the same callers need the same.
    init(secret: [UInt8]) {
        key = AuthenticationKey(secret)
    }

    func token(for query: PageQuery, at position: PagePosition) -> String {
        var body: [UInt8] = [Self.version]
        Self.append(UInt64(bitPattern: position.revision.number), to: &body)
        Self.append(position.asOf.map { UInt64($0.number) + 1 } ?? 0, to: &body)
        Self.append(UInt64(min(position.key.count, PagePosition.maximumKeys)), to: &body)
        for text in position.key.prefix(PagePosition.maximumKeys) {
            Self.append(UInt64(text.utf8.count), to: &body)
            body.append(contentsOf: text.utf8)
        }
        body.append(contentsOf: mac(of: body, query))
        return Base64URL.text(of: body)
    }

    /// Nil for an empty token: the first page.
    func position(of token: String, for query: PageQuery) throws(FieldError) -> PagePosition? {
        if token.isEmpty { return nil }
        guard token.utf8.count <= Self.maximumLength, let bytes = Base64URL.bytes(of: token.utf8),
            bytes.count > Self.macLength
        else { throw Self.invalid }
        let body = Array(bytes.dropLast(Self.macLength))
        guard areEqualInConstantTime(mac(of: body, query), Array(bytes.suffix(Self.macLength))),
            let position = Self.position(from: body)
        else { throw Self.invalid }
        return position
    }

    private static let invalid = FieldError(
        "page_token", "is not a token of this list for these fields: start again with the first page")

    private func mac(of body: [UInt8], _ query: PageQuery) -> [UInt8] {
        // The lengths in front keep two queries from sharing their bytes.
        var message: [UInt8] = []
        for part in [query.partner, query.method] { Self.append(UInt64(part.utf8.count), to: &message) }
        Self.append(UInt64(query.digest.count), to: &message)
        message.append(contentsOf: query.partner.utf8)
        message.append(contentsOf: query.method.utf8)
        message.append(contentsOf: query.digest)
        message.append(contentsOf: body)
        return Array(key.code(of: message).prefix(Self.macLength))
    }

    /// Numbers are eight bytes, little-endian.
    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    private static func position(from body: [UInt8]) -> PagePosition? {
        var rest = body[...]
        func number() -> UInt64? {
            guard rest.count >= 8 else { return nil }
            let value = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            return value
        }
        guard rest.popFirst() == version, let revision = number(), let day = number(), let count = number(),
            count <= PagePosition.maximumKeys, day <= UInt64(Day.last.number) + 1
        else { return nil }
        var key: [String] = []
        for _ in 0..<count {
            guard let length = number(), length <= rest.count,
                let text = String(validating: rest.prefix(Int(length)), as: UTF8.self)
            else { return nil }
            key.append(text)
            rest = rest.dropFirst(Int(length))
        }
        guard rest.isEmpty else { return nil }
        return PagePosition(
            revision: Revision(number: Int64(bitPattern: revision)),
            asOf: day == 0 ? nil : Day(number: Int32(truncatingIfNeeded: day - 1)), key: key)
    }
}
