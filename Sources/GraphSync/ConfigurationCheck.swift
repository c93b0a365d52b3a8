import LicenseModel
import Outgoing

/// What the endpoints allow, tried without reading data.
public struct ConfigurationCheck: Sendable {
    /// One list of customers, or what can be read of one customer.
    public struct Row: Sendable {
        public var name: String
        public var tenantID: String
        /// What was tried, and why it is not allowed; nil = it is.
        public var results: [(source: String, permission: String, failure: SourceFailure?)] = []

        public var isReadable: Bool { results.allSatisfy { $0.failure == nil } }
    }

    /// Of the partner's own tenant: which list of customers answers.
    public var lists: Row
    public var customers: [Row]
    /// Why the customers are not known.
    public var listFailure: SyncFailure?
}

extension Synchronizer {
    /// Tries every request of a run so that as little as can be is answered, and downloads no report.
    public func check() async throws -> ConfigurationCheck {
        let partner = access(configuration.partnerTenant, priority: -1)
        var check = ConfigurationCheck(
            lists: ConfigurationCheck.Row(name: configuration.partnerID, tenantID: configuration.partnerTenant),
            customers: [])
        if let failure = try await tokenFailure(partner) {
            check.lists.results = [("token", "consent in the partner's tenant", failure)]
        } else {
            for source in [GraphSource.contracts, .delegatedAdminCustomers] {
                check.lists.results.append(try await attempt(source, partner))
            }
        }
        let customers: [SyncCustomer]
        do {
            customers = try await self.customers()
        } catch let failure as SyncFailure {
            check.listFailure = failure
            return check
        }
        telemetry.change { $0.customers = customers.count }
        check.customers = try await withThrowingTaskGroup(of: (Int, ConfigurationCheck.Row).self) { group in
            for (index, customer) in customers.enumerated() {
                let access = access(customer.tenantID, priority: index)
                group.addTask { [self] in
                    var row = ConfigurationCheck.Row(name: customer.customerID, tenantID: customer.tenantID)
                    // Without a token everything else fails in the same way.
                    if let failure = try await tokenFailure(access) {
                        row.results = [("token", "consent of the customer", failure)]
                        return (index, row)
                    }
                    for source in [GraphSource.catalog, .subscriptions, .users, .settings, .activity] {
                        row.results.append(try await attempt(source, access))
                    }
                    return (index, row)
                }
            }
            var rows: [(Int, ConfigurationCheck.Row)] = []
            for try await row in group {
                rows.append(row)
                telemetry.change { $0.customersDone += 1 }
            }
            return rows.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return check
    }

    private func tokenFailure(_ access: TenantAccess) async throws -> SourceFailure? {
        do {
            _ = try await access.tokens.token(for: access)
            return nil
        } catch let failure as SourceFailure {
            return failure
        }
    }

    private func attempt(
        _ source: GraphSource, _ access: TenantAccess
    ) async throws -> (source: String, permission: String, failure: SourceFailure?) {
        do {
            let folder = try AnswerFolder(temporaryIn: state.answerFolder)
            let path = source.shortPath(of: Day(unixSeconds: now()).advanced(by: -3))
            guard let address = HTTPSAddress("\(configuration.graph)/v1.0/\(path)") else {
                throw SourceFailure(.refused, "endpoints.graph makes no address")
            }
            let statuses: Set<Int> = source == .activity ? [302, 404] : []
            _ = try await requests.answer(source, address, access, into: folder.file("answer"), statuses: statuses)
            return (source.title, source.permission, nil)
        } catch let failure as SourceFailure {
            return (source.title, source.permission, failure)
        }
    }
}
