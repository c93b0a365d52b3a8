import InsightsAPI
import Testing

@testable import InsightsServer

/// Facts for the services: partners A and B, a customer of each and one of both, people who use some of what they have.
enum SampleFacts {
    static func batch(_ id: String, _ facts: [PBFact]) -> PBIngestRequest {
        var request = PBIngestRequest()
        request.batchID = id
        request.facts = facts
        return request
    }

    static var all: PBIngestRequest {
        var facts = [sku("SUITE", ["EXO", "SPO"])]
        for (customer, partners) in [("a1", "A"), ("b1", "B"), ("shared", "AB")] {
            facts.append(named(customer))
            for partner in partners {
                facts.append(relationship(String(partner), customer))
                facts.append(subscription("\(partner)-\(customer)", String(partner), customer, quantity: 10))
            }
            for number in 1...4 { facts.append(assignment(customer, "\(customer)-u\(number)")) }
            for number in 1...2 { facts.append(activity(customer, "\(customer)-u\(number)", "2024-03-20")) }
            facts += coverage(customer, "2024-03-31")
        }
        return batch("sample", facts)
    }

    static func named(_ customer: String) -> PBFact {
        fact {
            $0.customer.customerID = customer
            $0.customer.name = "Customer \(customer)"
            $0.customer.market = "NL"
        }
    }

    static func relationship(_ partner: String, _ customer: String) -> PBFact {
        fact {
            $0.relationship.partnerID = partner
            $0.relationship.customerID = customer
            $0.relationship.startDate = "2024-01-01"
        }
    }

    static func sku(_ id: String, _ workloads: [String]) -> PBFact {
        fact {
            $0.sku.skuID = id
            $0.sku.name = id.capitalized
            $0.sku.product = .office365
            $0.sku.workloadCodes = workloads
        }
    }

    static func subscription(_ id: String, _ partner: String, _ customer: String, quantity: Int64) -> PBFact {
        fact {
            $0.subscription.subscriptionID = id
            $0.subscription.sellerPartnerID = partner
            $0.subscription.customerID = customer
            $0.subscription.skuID = "SUITE"
            $0.subscription.quantity = quantity
            $0.subscription.state = .active
            $0.subscription.effectiveDate = "2024-01-01"
        }
    }

    static func assignment(_ customer: String, _ user: String) -> PBFact {
        fact {
            $0.assignment.customerID = customer
            $0.assignment.userID = user
            $0.assignment.skuID = "SUITE"
            $0.assignment.startDate = "2024-01-10"
        }
    }

    static func activity(_ customer: String, _ user: String, _ day: String) -> PBFact {
        fact {
            $0.activity.customerID = customer
            $0.activity.userID = user
            $0.activity.workloadCode = "EXO"
            $0.activity.dates = [day]
        }
    }

    static func coverage(_ customer: String, _ day: String) -> [PBFact] {
        [PBSource.subscriptions, .assignments, .activity].map { source in
            fact {
                $0.coverage.customerID = customer
                $0.coverage.source = source
                $0.coverage.through = day
            }
        }
    }

    private static func fact(_ fill: (inout PBFact) -> Void) -> PBFact {
        var fact = PBFact()
        fill(&fact)
        return fact
    }
}
