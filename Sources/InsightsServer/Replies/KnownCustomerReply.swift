import InsightsAPI
import InsightsCore
import LicenseModel

extension PBCustomerCoverage {
    init(_ customer: KnownCustomer, on today: Day) {
        self.init()
        customerID = customer.id.text
        name = customer.name
        market = customer.market
        sources = PBSourceCoverage.all(customer.coverage, on: today)
        workloads = PBWorkloadCoverage.all(customer.coverage, on: today)
        relationships = customer.relationships.map(PBCustomerRelationship.init)
    }
}

extension PBCustomerRelationship {
    fileprivate init(_ fact: RelationshipFact) {
        self.init()
        partnerID = fact.partner.text
        startDate = fact.days.start.description
        endDate = fact.days.end?.description ?? ""
    }
}
