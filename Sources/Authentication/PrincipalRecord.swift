import Tenancy

/// What the directory knows about one principal of a partner.
public struct PrincipalRecord: Sendable, Hashable {
    /// Bound of a display name, in Unicode scalars.
    public static let maximumDisplayNameLength = 256

    public let principal: PrincipalID
    public var displayName: String
    public var roles: RoleSet
    /// A disabled principal is refused as if it were unknown.
    public var isDisabled: Bool

    public init(principal: PrincipalID, displayName: String, roles: RoleSet, isDisabled: Bool = false) {
        self.principal = principal
        self.displayName = displayName
        // Bits that are no role are dropped here, so that they reach neither the store nor a permission mask.
        self.roles = RoleSet(roles.roles)
        self.isDisabled = isDisabled
    }

    /// Whether this record counts towards the admin that every partner keeps.
    public var isEnabledAdmin: Bool { !isDisabled && roles.contains(.userManagementAdmin) }

    /// Throws `.invalid` with a field path relative to a `Principal` message.
    func validate() throws(DirectoryError) {
        if principal.text == "." || principal.text == ".." {
            // They are no path segments of a SPIFFE id, so no certificate could ever name them.
            throw .invalid(field: "principal_id", reason: "may not be . or ..")
        }
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
    }
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

extension Unicode.Scalar {
    /// No text that people are named by has one.
    package var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
