import Tenancy

/// Why what a caller asked for before may not be done for it now.
public enum StandingFailure: Error, Sendable {
    /// Removed or disabled, alone or with its partner.
    case unauthenticated(AuthenticationFailure)
    /// Its roles changed.
    case denied(AccessRefusal)
}

extension Authenticator {
    /// For what waited its turn since `caller` was authenticated: throws unless it still is somebody who may.
    ///
    /// - Parameter snapshot: the directory with changes that are not published yet; nil is the published one.
    public func requireStanding(
        of caller: AuthenticatedCaller, for permission: Permission, in snapshot: DirectorySnapshot? = nil
    ) throws(StandingFailure) {
        let renewed: AuthenticatedCaller
        do throws(AuthenticationFailure) {
            renewed = try self.renewed(caller, in: snapshot)
        } catch {
            throw .unauthenticated(error)
        }
        do throws(AccessRefusal) {
            _ = try AccessPolicy.authorize(renewed.principal, for: permission)
        } catch {
            throw .denied(error)
        }
    }
}
