import GraphSync
import ImportFormats
import InsightsAPI
import InsightsClient
import LicenseModel

/// The server, as a synchronization sees it.
struct SyncReceiver: FactsReceiver {
    let client: InsightsClient

    func knownCustomers() async throws -> KnownCustomers {
        var known = KnownCustomers(customers: [:], revision: 0)
        var request = PBGetIngestStatusRequest()
        request.pageSize = 10_000
        repeat {
            let page = try await client.getIngestStatus(request)
            known.revision = page.revision
            for customer in page.customers { known.customers[customer.customerID] = KnownCustomer(customer) }
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty
        return known
    }

    func send(_ plan: ImportPlan, _ inspection: ImportInspection) async throws -> SentFacts {
        do {
            let sender = ImportSender(plan: plan, inspection: inspection, client: client, showsProgress: false)
            let outcome = try await sender.send()
            return SentFacts(facts: outcome.facts, hasKnownBatches: outcome.knownFactBatches > 0)
        } catch let refusal as ImportProblem {
            throw SourceFailure(.ingest, refusal.description)
        } catch let refusal as CommandFailure {
            throw SourceFailure(.ingest, refusal.description)
        }
    }
}

extension KnownCustomer {
    init(_ coverage: PBCustomerCoverage) {
        self.init()
        name = coverage.name
        market = coverage.market
        relationships = coverage.relationships.compactMap { relationship in
            Day(relationship.startDate).map {
                Relationship(partnerID: relationship.partnerID, start: $0, end: Day(relationship.endDate))
            }
        }
        for source in SyncSource.allCases {
            guard let kind = source.coverage, let row = coverage.sources.first(where: { $0.source == kind }) else {
                continue
            }
            through[source] = Day(row.through)
        }
    }
}
