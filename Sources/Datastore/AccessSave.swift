import Tenancy

/// A change of who may call as it is written, with what it needs. Creating throws `alreadyExists` where the id is
/// taken, changing and deleting `notFound` where it is not.
public struct AccessSave: Sendable {
    public let change: AccessChange
    /// The revision that a created partner makes, nil for other changes.
    public let entry: LogEntry?
    public let grant: AccessGrant

    public init(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) {
        self.change = change
        self.entry = entry
        self.grant = grant
    }
}

extension AccessChange {
    /// Those that are not ids.
    private var texts: [String] {
        switch self {
        case .createPartner(let partner, let first): [partner.name ?? "", first.displayName]
        case .createPrincipal(let principal), .updatePrincipal(let principal): [principal.displayName]
        case .updatePartner, .deletePrincipal: []
        }
    }

    /// The rules that every engine keeps before it touches anything. That the last user management admin stays is the
    /// caller's to check.
    package func check(entry: LogEntry?, for grant: AccessGrant) throws(DatastoreError) {
        // Where texts end with a zero such a one would come back as another.
        guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw .invalid("a text contains a zero") }
        switch (self, grant) {
        case (.createPartner(let partner, let first), .operator):
            guard first.partner == partner.id else { throw .outsideScope }
            guard let entry, entry.kind == .partnerCreated else {
                throw .invalid("a created partner needs its log entry")
            }
        case (.updatePartner, .operator):
            guard entry == nil else { throw .invalid("a changed partner makes no log entry") }
        case (.createPrincipal, .partner(let scope)), (.updatePrincipal, .partner(let scope)),
            (.deletePrincipal, .partner(let scope)):
            guard partner == scope.partner else { throw .outsideScope }
            guard entry == nil else { throw .invalid("a changed principal makes no log entry") }
        default:
            throw .outsideScope
        }
    }
}
