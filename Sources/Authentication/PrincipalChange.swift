import Tenancy

/// A change of one partner's principals, asked for by that partner.
public enum PrincipalChange: Sendable, Hashable {
    case create(PrincipalRecord)
    case update(PrincipalID, PrincipalUpdate)
    case delete(PrincipalID)
}

/// The fields of a principal to change; nil leaves a field as it is.
public struct PrincipalUpdate: Sendable, Hashable {
    public var displayName: String?
    public var roles: RoleSet?
    public var isDisabled: Bool?

    public init(displayName: String? = nil, roles: RoleSet? = nil, isDisabled: Bool? = nil) {
        self.displayName = displayName
        self.roles = roles
        self.isDisabled = isDisabled
    }

    func applied(to record: PrincipalRecord) -> PrincipalRecord {
        PrincipalRecord(
            partner: record.partner, id: record.id, displayName: displayName ?? record.displayName,
            roles: roles ?? record.roles, isDisabled: isDisabled ?? record.isDisabled)
    }
}

/// Why a change of the directory is refused.
public enum DirectoryError: Error, Sendable, Hashable {
    /// `INVALID_ARGUMENT`: the field path is relative to the `Principal` message.
    case invalid(field: String, reason: String)
    /// `NOT_FOUND`: no such principal, or the partner is not registered.
    case notFound
    /// `ALREADY_EXISTS`: the partner or principal id is taken.
    case alreadyExists
    /// `FAILED_PRECONDITION`: the partner would be left without an enabled user management admin.
    case lastAdmin
    /// `RESOURCE_EXHAUSTED`: as many principals or partners as the directory holds.
    case full(limit: Int)
    /// Another change was published since this one was prepared: prepare it again. Never with a single writer.
    case stale
}

extension PrincipalRecord {
    /// The record as the directory keeps it. Throws `.invalid` with a field path relative to a `Principal` message.
    func checked() throws(DirectoryError) -> PrincipalRecord {
        var length = 0
        for scalar in displayName.unicodeScalars {
            length += 1
            if length > Self.maximumDisplayNameLength {
                throw .invalid(
                    field: "display_name", reason: "is longer than \(Self.maximumDisplayNameLength) characters")
            }
            if scalar.isControl {
                throw .invalid(field: "display_name", reason: "may not contain control characters")
            }
        }
        return withKnownRoles
    }

    /// Without bits that are no role, so that they reach neither the store nor a permission mask.
    var withKnownRoles: PrincipalRecord {
        var record = self
        record.roles = RoleSet(roles.roles)
        return record
    }
}

extension Unicode.Scalar {
    /// No text that people are named by has one.
    package var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
