import RPCEngine
import Synchronization
import Tenancy

/// What each partner's calls make the process hold: a quarter of the process's budget at most, so that no partner's
/// calls can refuse another's. The operator counts like a partner.
final class PartnerMemory: Sendable {
    private let limit: Int
    private let accounts = Mutex<[PartnerID: MemoryAccount]>([:])
    private let ofOperator: MemoryAccount
    /// Batches are large, and may not refuse the operator's other calls.
    let ofIngest: MemoryAccount

    /// - Parameter budget: of the process, in bytes.
    init(budget: Int) {
        limit = budget / 4
        ofOperator = MemoryAccount(limit: limit)
        ofIngest = MemoryAccount(limit: limit)
    }

    /// The account of an authenticated caller. There are as many as registered partners that called.
    func account(of principal: Principal) -> MemoryAccount {
        guard let partner = principal.partner else { return ofOperator }
        return accounts.withLock { accounts in
            if let known = accounts[partner] { return known }
            let made = MemoryAccount(limit: limit)
            accounts[partner] = made
            return made
        }
    }
}
