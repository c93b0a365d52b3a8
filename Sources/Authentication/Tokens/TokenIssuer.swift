import Foundation
import Outgoing
import Tenancy

/// What is wrong with a token issuer's file, naming the file and the key but no value.
public struct TokenIssuerError: Error, Sendable, Hashable, CustomStringConvertible {
    public let file: String
    public let reason: String

    public var description: String { "token issuer file \(file): \(reason)" }
}

/// Where an issuer's public keys are.
public enum KeyLocation: Sendable, Hashable {
    case file(String)
    case url(HTTPSAddress)
}

/// An issuer of bearer tokens, as a file describes it.
///
/// One JSON object: `issuer` and `audience` (both required, compared letter by letter with `iss` and `aud`), `jwks`
/// (a path, relative to the file's own folder, or an https URL), `partners` (object from the `tid` claim to a partner
/// id), `algorithms` (default `RS256`, `ES256`) and `roles_claim` (default `roles`).
public struct TokenIssuer: Sendable, Hashable {
    /// Bound of the file, in bytes.
    public static let maximumFileBytes = 1_048_576
    private static let knownKeys: Set<String> = [
        "issuer", "audience", "jwks", "algorithms", "partners", "roles_claim",
    ]

    public let issuer: String
    public let audience: String
    public let keys: KeyLocation
    public let algorithms: Set<TokenAlgorithm>
    public let partners: [String: PartnerID]
    public let rolesClaim: String

    /// Reads an issuer's file.
    public static func load(path: String) throws(TokenIssuerError) -> TokenIssuer {
        let bytes: [UInt8]
        do throws(KeySetError) {
            bytes = try BoundedFile.read(path, limit: maximumFileBytes)
        } catch {
            let isTooLarge = error == .tooLarge(limitBytes: maximumFileBytes)
            throw TokenIssuerError(
                file: path, reason: isTooLarge ? "is larger than \(maximumFileBytes) bytes" : "cannot be read")
        }
        return try TokenIssuer(json: bytes, file: path)
    }

    /// - Parameter file: the file's path, for errors and for a relative path of the keys.
    public init(json: [UInt8], file: String) throws(TokenIssuerError) {
        func fail(_ reason: String) -> TokenIssuerError { TokenIssuerError(file: file, reason: reason) }
        guard let members = StrictJSON(json)?.object else { throw fail("is not one JSON object with distinct keys") }
        if let unknown = members.keys.sorted().first(where: { !Self.knownKeys.contains($0) }) {
            throw fail("unknown key \(Self.quoted(unknown))")
        }
        func text(_ name: String) throws(TokenIssuerError) -> String {
            guard let text = members[name]?.string, !text.isEmpty else {
                throw fail("\"\(name)\" must be a string that is not empty")
            }
            return text
        }
        issuer = try text("issuer")
        audience = try text("audience")
        let location = try text("jwks")
        if location.contains("://") {
            guard let address = HTTPSAddress(location) else { throw fail("\"jwks\" must be a path or an https URL") }
            keys = .url(address)
        } else {
            let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
            keys = .file(location.hasPrefix("/") ? location : folder + location)
        }
        rolesClaim = members["roles_claim"] == nil ? "roles" : try text("roles_claim")
        algorithms = try Self.algorithms(members["algorithms"], fail)
        partners = try Self.partners(members["partners"], fail)
    }

    private static func algorithms(
        _ value: StrictJSON?, _ fail: (String) -> TokenIssuerError
    ) throws(TokenIssuerError) -> Set<TokenAlgorithm> {
        guard let value else { return [.rs256, .es256] }
        var algorithms: Set<TokenAlgorithm> = []
        for name in value.array ?? [] {
            guard let algorithm = name.string.flatMap(TokenAlgorithm.init(rawValue:)) else {
                let known = TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                throw fail("\"algorithms\" may contain only \(known)")
            }
            algorithms.insert(algorithm)
        }
        guard !algorithms.isEmpty else { throw fail("\"algorithms\" must be a list that is not empty") }
        return algorithms
    }

    private static func partners(
        _ value: StrictJSON?, _ fail: (String) -> TokenIssuerError
    ) throws(TokenIssuerError) -> [String: PartnerID] {
        guard let members = value?.object, !members.isEmpty else {
            throw fail("\"partners\" must be an object from tid to partner id that is not empty")
        }
        var partners: [String: PartnerID] = [:]
        for (tenant, name) in members {
            guard !tenant.isEmpty, let text = name.string, let partner = try? PartnerID(text) else {
                throw fail("\"partners\" must map each tid to a partner id")
            }
            partners[tenant] = partner
        }
        return partners
    }

    /// A key of the file for a message: short, and nothing that could break the line.
    private static func quoted(_ name: String) -> String {
        let safe = name.unicodeScalars.prefix(64).map { (0x20..<0x7F).contains($0.value) ? Character($0) : "?" }
        return "\"\(String(safe))\""
    }
}
