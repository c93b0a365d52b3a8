import Tenancy

/// What is wrong with a trust domain, in words that can follow the setting's name.
public struct TrustDomainError: Error, Sendable, Hashable {
    public let reason: String
}

/// The authority part of the SPIFFE ids that this server accepts.
public struct TrustDomain: Sendable, Hashable, CustomStringConvertible {
    /// Bound of a trust domain's name, in bytes.
    public static let maximumLength = 255

    public let name: String

    /// Throws unless `name` is 1–255 of `a-z 0-9 . - _`. Capitals are refused rather than folded, as in the SPIFFE
    /// standard, so that two spellings of one domain cannot exist.
    public init(_ name: String) throws(TrustDomainError) {
        let bytes = name.utf8
        if bytes.isEmpty { throw TrustDomainError(reason: "is required") }
        if bytes.count > Self.maximumLength {
            throw TrustDomainError(reason: "is longer than \(Self.maximumLength) characters")
        }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                continue
            default:
                throw TrustDomainError(reason: "may contain only a-z 0-9 . - _")
            }
        }
        self.name = name
    }

    public var description: String { name }
}

/// Why a certificate names nobody here. For logs; a caller is told no more than that the credential is not valid.
public enum SpiffeError: Error, Sendable, Hashable {
    /// No URI, or more than one: the certificate could be read in two ways.
    case notExactlyOneURI
    case tooLong
    case otherScheme
    case otherTrustDomain
    /// Not one of the two path forms, or an id with a character that ids do not have.
    case malformedPath
}

/// Whom a certificate names.
///
/// `spiffe://<trust domain>/partner/<partner id>/principal/<principal id>` or
/// `spiffe://<trust domain>/operator/<name>`, compared byte by byte. Percent escapes, empty segments, a trailing
/// slash, `.` and `..`, a query, a fragment, a port and user information are all refused.
public enum SpiffeIdentity: Sendable, Hashable {
    case principal(PartnerID, PrincipalID)
    case `operator`(name: PrincipalID)

    /// Bound of a SPIFFE id, in bytes (SPIFFE standard, section 2.3).
    public static let maximumLength = 2_048

    private static let scheme = "spiffe://"

    /// Reads the one URI of a certificate.
    public init(uriSANs: [String], trustDomain: TrustDomain) throws(SpiffeError) {
        guard let uri = uriSANs.first, uriSANs.count == 1 else { throw .notExactlyOneURI }
        try self.init(uri, trustDomain: trustDomain)
    }

    public init(_ uri: String, trustDomain: TrustDomain) throws(SpiffeError) {
        let bytes = Array(uri.utf8.prefix(Self.maximumLength + 1))
        if bytes.count > Self.maximumLength { throw .tooLong }
        guard bytes.starts(with: Self.scheme.utf8) else { throw .otherScheme }
        let afterScheme = bytes[Self.scheme.utf8.count...]
        let domain = afterScheme.prefix { $0 != UInt8(ascii: "/") }
        guard domain.elementsEqual(trustDomain.name.utf8) else { throw .otherTrustDomain }
        // The path starts with a slash, so the first of its parts is empty.
        let path = afterScheme[domain.endIndex...].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let segments = path.dropFirst().map { Array($0) }
        if segments.count == 4, segments[0].elementsEqual("partner".utf8), segments[2].elementsEqual("principal".utf8) {
            self = .principal(try Self.identifier(segments[1]), try Self.identifier(segments[3]))
        } else if segments.count == 2, segments[0].elementsEqual("operator".utf8) {
            self = .operator(name: try Self.identifier(segments[1]))
        } else {
            throw .malformedPath
        }
    }

    private static func identifier<Tag>(_ segment: [UInt8]) throws(SpiffeError) -> Identifier<Tag> {
        let text = String(decoding: segment, as: UTF8.self)
        guard let identifier = try? Identifier<Tag>(text) else { throw .malformedPath }
        return identifier
    }
}
