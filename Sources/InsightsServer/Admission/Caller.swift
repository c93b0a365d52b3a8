import Authentication
import LogLines
import RPCEngine
import Tenancy

/// An authenticated caller with its grants, made once per connection for certificates and once per call for tokens.
/// Belongs to the event loop of its connection.
final class Caller {
    let identity: AuthenticatedCaller
    /// The connection's `peerRevision` that the identity was derived from.
    let peerRevision: UInt64
    /// Counts what the caller's calls hold.
    let memory: MemoryAccount
    /// Per permission the grant or the ready refusal.
    private let grants: [Result<AccessGrant, RPCStatus>]
    private var logFragment: FlatLine.Fragment?

    init(_ identity: AuthenticatedCaller, peerRevision: UInt64, memory: MemoryAccount) {
        self.identity = identity
        self.memory = memory
        self.peerRevision = peerRevision
        var grants: [Result<AccessGrant, RPCStatus>] = [.failure(Refusal.noPermissionDeclared)]
        for permission in Permission.allCases {
            do {
                grants.append(.success(try AccessPolicy.authorize(identity.principal, for: permission)))
            } catch {
                grants.append(.failure(Refusal.roleLacks(error)))
            }
        }
        self.grants = grants
    }

    var principal: Principal { identity.principal }

    /// What log lines of all the caller's calls say. Made at the first one: a caller belongs to one connection.
    func logFragment(_ form: FlatLine.Form, remote: String) -> FlatLine.Fragment {
        if let logFragment { return logFragment }
        let fragment = FlatLine.Fragment(
            form,
            [
                (CallLog.Key.partner.rawValue, principal.partner?.text ?? ""),
                (CallLog.Key.principal.rawValue, principal.name), (CallLog.Key.remote.rawValue, remote),
            ])
        logFragment = fragment
        return fragment
    }

    func grant(for permission: Permission) throws(RPCStatus) -> AccessGrant {
        try grants[Int(permission.rawValue)].get()
    }
}
