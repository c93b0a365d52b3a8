import ImportFormats
import InsightsAPI

/// What can be synchronized of a customer; the names of `--only`.
public enum SyncSource: String, Sendable, CaseIterable {
    case catalog
    case subscriptions
    case users
    case activity

    var kind: ImportKind {
        switch self {
        case .catalog: .graphSubscribedSkus
        case .subscriptions: .graphSubscriptions
        case .users: .graphUsers
        case .activity: .graphActiveUsers
        }
    }

    var graph: GraphSource {
        switch self {
        case .catalog: .catalog
        case .subscriptions: .subscriptions
        case .users: .users
        case .activity: .activity
        }
    }

    /// How the server calls it; nil for the catalog, which has no coverage.
    public var coverage: PBSource? {
        switch self {
        case .catalog: nil
        case .subscriptions: .subscriptions
        case .users: .assignments
        case .activity: .activity
        }
    }
}
