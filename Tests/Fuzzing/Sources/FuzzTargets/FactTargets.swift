import InsightsAPI
import InsightsCore
import LicenseModel
import SwiftProtobuf
@_spi(Authentication) import Tenancy

@testable import InsightsServer

extension FuzzTarget {
    /// Batches as the operator sends them: decoded, encoded for the log and back, applied, asked about, folded and read
    /// back.
    static let ingest = FuzzTarget(
        "ingest", trials: 1_200, maximumLength: 3_072,
        dictionary: ["2024-03-01", "2024-02-29", "EXO", "SPO", "contoso-01", "p1", "\u{12}\u{02}", "\u{0A}\u{0A}"],
        seeds: { [Facts.message(Facts.all)] + Facts.all.map { Facts.message([$0]) } },
        run: { bytes in
            let decoder = IngestDecoder(today: Facts.today, maximumFacts: 200)
            guard let batch = try? decoder.decode(bytes) else { return }
            let body = FactBatchCodec.encode(batch.facts)
            guard let decoded = try? FactBatchCodec.decode(body) else { broken("what was encoded can be decoded") }
            require(decoded == batch.facts, "the log keeps the facts")
            Facts.applyAndAsk(batch)
        })

    /// Bodies of the log under a good checksum: what a store hands back after damage that the checksum did not see.
    static let codec = FuzzTarget(
        "codec", trials: 2_500, maximumLength: 3_072,
        seeds: {
            ([Facts.decoded(Facts.all)] + Facts.all.map { Facts.decoded([$0]) }).map {
                FactBatchCodec.encode($0).dropLast(4)
            }
        },
        run: { bytes in
            let sum = CRC32C.checksum(of: bytes)
            let sealed = bytes + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
            _ = try? FactBatchCodec.decode(bytes)
            guard let facts = try? FactBatchCodec.decode(sealed) else { return }
            let again = FactBatchCodec.encode(facts)
            guard (try? FactBatchCodec.decode(again)) == facts else { broken("facts come back as they were") }
            // As a start does with what it reads back.
            guard facts.count <= 200, facts.allSatisfy(\.isWithinBounds), let id = try? BatchID("b") else { return }
            Facts.applyAndAsk(FactBatch(id: id, facts: facts))
        })

    /// Rows of folded state: each a key and a body, with lengths in one and two bytes.
    static let states = FuzzTarget(
        "states", trials: 1_500, maximumLength: 3_072,
        dictionary: [
            "core", "catalog", "partners", "customer/", "users/", "uses/", "folding", "/00000000", "contoso-01",
        ],
        seeds: { Facts.stateSeeds },
        run: { bytes in
            var input = FuzzInput(bytes)
            var core = InsightsCore()
            while !input.isAtEnd {
                let key = input.shortText()
                let count = Int(input.byte()) << 8 | Int(input.byte())
                // A refused row ends the start of a server.
                guard (try? core.restore(CoreState(key: key, body: input.take(count)))) != nil else { return }
            }
            guard (try? core.finishRestoring()) != nil else { return }
            Facts.ask(core)
        })
}

/// A small world and every question about it.
private enum Facts {
    static let today = Day(number: 19_800)
    static let customer = "contoso-01"

    static let all: [PBFact] =
        [
            .with { $0.partner = .with { ($0.partnerID, $0.name) = ("p1", "Fabrikam") } },
            .with { $0.customer = .with { ($0.customerID, $0.name, $0.market) = (customer, "Contoso Zürich", "CH") } },
            .with {
                $0.relationship = .with { ($0.partnerID, $0.customerID, $0.startDate) = ("p1", customer, "2023-01-01") }
            },
            .with {
                $0.sku = .with {
                    ($0.skuID, $0.name, $0.product, $0.workloadCodes) = (
                        "s1", "Office 365 E3", .office365, ["EXO", "SPO"]
                    )
                }
            },
            .with {
                $0.subscription = .with {
                    ($0.subscriptionID, $0.customerID, $0.skuID, $0.sellerPartnerID) = ("sub1", customer, "s1", "p1")
                    ($0.effectiveDate, $0.quantity, $0.state, $0.termEnd) = ("2024-01-01", 25, .active, "2025-01-01")
                }
            },
            .with { $0.user = .with { ($0.customerID, $0.userID, $0.displayName) = (customer, "u1", "Ann") } },
            .with {
                $0.assignment = .with {
                    ($0.customerID, $0.userID, $0.skuID) = (customer, "u1", "s1")
                    ($0.startDate, $0.endDate) = ("2024-01-02", "2024-12-31")
                }
            },
            .with {
                $0.assignmentSnapshot = .with {
                    ($0.customerID, $0.skuID, $0.date, $0.userIds) = (customer, "s1", "2024-02-01", ["u1", "u2"])
                }
            },
            .with {
                $0.activity = .with {
                    ($0.customerID, $0.userID, $0.workloadCode) = (customer, "u1", "EXO")
                    $0.dates = ["2024-02-28", "2024-02-29", "2024-03-01"]
                }
            },
            .with {
                $0.supportRequest = .with {
                    ($0.customerID, $0.date, $0.category, $0.count) = (customer, "2024-02-01", .howTo, 3)
                }
            },
        ]
        + [PBSource.subscriptions, .assignments, .activity].map { source in
            .with { $0.coverage = .with { ($0.customerID, $0.source, $0.through) = (customer, source, "2024-03-01") } }
        }

    static func message(_ facts: [PBFact]) -> [UInt8] {
        let request = PBIngestRequest.with { ($0.batchID, $0.facts) = ("batch-1", facts) }
        return (try? request.serializedBytes()) ?? []
    }

    static func decoded(_ facts: [PBFact]) -> [Fact] {
        guard let batch = try? IngestDecoder(today: today).decode(message(facts)) else { broken("the seeds are facts") }
        return batch.facts
    }

    static func applyAndAsk(_ batch: FactBatch) {
        var core = InsightsCore()
        core.apply(batch, revision: Revision(number: 1))
        ask(core)
        var folding = core
        var restored = InsightsCore()
        do {
            for state in folding.takeDirtyStates() { try restored.restore(state) }
            try restored.finishRestoring()
        } catch { broken("a folded row reads back: \(error)") }
        require(answers(restored) == answers(core), "what was folded answers alike")
    }

    static let scope: PartnerScope = {
        guard let partner = try? PartnerID("p1"), let name = try? PrincipalID("ann"),
            let scope = try? AccessPolicy.authorize(
                Principal(.partner(partner, name, RoleSet([.adminAgent]))), for: .readInsights
            ).scope
        else { broken("a scope") }
        return scope
    }()

    static func ask(_ core: InsightsCore) { _ = answers(core) }

    /// What every query says, on two days.
    private static func answers(_ core: InsightsCore) -> String {
        let book = core.book(in: scope, today: today)
        var text = "\(book.customers())"
        guard let id = try? CustomerID(customer), let user = try? UserID("u1"), let other = try? UserID("x") else {
            return ""
        }
        for day in [nil, Day(number: 19_783)] {
            text += "\(book.portfolio(on: day, products: Product.allCases))"
            for customer in book.customers().map(\.customer).prefix(3) {
                text += "\(String(describing: book.insights(of: customer, on: day, products: Product.allCases)))"
                text += "\(String(describing: book.subscriptions(of: customer, on: day)))"
                let users = book.licensedUsers(of: customer, on: day, activity: .any, workload: nil)
                text += "\(String(describing: users))"
            }
            text += "\(String(describing: book.explain(.workload(.exo), of: nil, on: day)))"
            text += "\(String(describing: book.explain(.product(.office365), of: id, on: day)))"
        }
        let trend = book.trend(
            of: nil, from: Day(number: 19_700), through: today, interval: .month, products: Product.allCases,
            workload: nil)
        text += "\(String(describing: trend))"
        var erased = core
        _ = erased.erase(user: user, of: id, replacement: other, revision: Revision(number: 2))
        return text
    }

    static var stateSeeds: [[UInt8]] {
        var core = InsightsCore()
        guard let id = try? BatchID("b") else { return [] }
        core.apply(FactBatch(id: id, facts: decoded(all)), revision: Revision(number: 1))
        let rows = core.takeDirtyStates().map { state in
            [UInt8(state.key.utf8.count)] + Array(state.key.utf8)
                + [UInt8(state.body.count >> 8), UInt8(state.body.count & 0xFF)] + state.body
        }
        return rows + [rows.flatMap { $0 }]
    }
}
