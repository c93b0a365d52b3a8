import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy

/// `CustomersService`: the caller's customers, what the caller's partner sold them, and their people.
struct CustomersService: Sendable {
    let reads: Reads
    let audit: CallAudit

    func listCustomers(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBListCustomersRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let paging = try Paging(reads, request, of: call)
        let filter = try checked { () throws(FieldError) in try CustomerFilter(request.filter, .customers) }
        let today = reads.clock.today()
        let book = paging.snapshot.book(in: scope, today: today)
        let isShort =
            book.relationshipCount <= ShortRead.entries && min(book.relationshipCount, paging.size) <= ShortRead.rows
        return try reads.answer(call, isShort: isShort) { (reply) throws(RPCStatus) in
            let rows = book.customers().filter { row in
                filter.matches(CustomerSums()) {
                    CustomerTexts(id: row.customer.text, name: row.name, market: row.market)
                }
            }
            let page = paging.page(of: rows) { $0.customer.text }
            var response = PBListCustomersResponse()
            response.customers = page.rows.map { PBCustomer($0, today: today) }
            response.totalSize = Int32(clamping: rows.count)
            response.nextPageToken = page.nextToken
            response.revision = paging.snapshot.revision.onWire
            try encode(response, into: &reply)
        }
    }

    func getCustomer(_ call: CallContext, _ bytes: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        let request: PBGetCustomerRequest = try decode(bytes)
        let customer = try checked { () throws(FieldError) in try RequestFields.customer(request.customerID) }
        let today = reads.clock.today()
        let facts = try reads.facts(for: call, since: request.minRevision)
        let book = facts.book(in: try call.partnerScope(), today: today)
        guard let row = book.customer(customer) else { throw Refusal.customerNotFound }
        var response = PBGetCustomerResponse()
        response.customer = PBCustomer(row, today: today)
        response.revision = facts.revision.onWire
        try encode(response, into: &reply)
    }

    func listSubscriptions(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBListSubscriptionsRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.customer(request.customerID),
                day: try RequestFields.asOf(request.asOf, today: today)
            )
        }
        let paging = try Paging(reads, request, of: call)
        let book = paging.snapshot.book(in: scope, today: today)
        let isShort = book.subscriptionCount(of: query.customer) <= ShortRead.entries / 4
        return try reads.answer(call, isShort: isShort) { (reply) throws(RPCStatus) in
            guard let found = book.subscriptions(of: query.customer, on: paging.position?.asOf ?? query.day) else {
                throw Refusal.customerNotFound
            }
            let page = paging.page(of: found.rows, asOf: found.asOf) { $0.fact.subscription.text }
            var response = PBListSubscriptionsResponse()
            response.subscriptions = page.rows.map(PBSubscription.init)
            response.totalSize = Int32(clamping: found.rows.count)
            response.nextPageToken = page.nextToken
            response.revision = paging.snapshot.revision.onWire
            try encode(response, into: &reply)
        }
    }

    /// On record before it is answered, so off the event loops: that waits for the disk.
    func listLicensedUsers(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBListLicensedUsersRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let today = reads.clock.today()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.customer(request.customerID),
                day: try RequestFields.asOf(request.asOf, today: today),
                activity: try Self.activity(request.activity),
                workload: try RequestFields.optionalWorkload(request.workloadCode)
            )
        }
        call.record?.customer = query.customer
        let paging = try Paging(reads, request, of: call)
        let book = paging.snapshot.book(in: scope, today: today)
        let event = audit.event(of: call, kind: .read, customer: query.customer)
        let refused = { audit.recordRefusedRead(event, code: .resourceExhausted) }
        return try reads.answer(call, refused: refused) { (reply) throws(RPCStatus) in
            let found = book.licensedUsers(
                of: query.customer, on: paging.position?.asOf ?? query.day, activity: query.activity,
                workload: query.workload)
            guard let found else {
                audit.recordRefusedRead(event, code: .notFound)
                throw Refusal.customerNotFound
            }
            let page = paging.page(of: found.rows, asOf: found.asOf) { $0.user.text }
            var response = PBListLicensedUsersResponse()
            response.users = page.rows.map(PBLicensedUser.init)
            response.totalSize = Int32(clamping: found.rows.count)
            response.nextPageToken = page.nextToken
            response.revision = paging.snapshot.revision.onWire
            try audit.recordRead(event)
            try encode(response, into: &reply)
        }
    }

    private static func activity(_ filter: PBActivityFilter) throws(FieldError) -> ActivityFilter {
        switch filter {
        case .unspecified, .any: return .any
        case .active: return .active
        case .inactive: return .inactive
        case .UNRECOGNIZED(let number): throw FieldError("activity", "has no value \(number)")
        }
    }
}

extension PBCustomer {
    init(_ row: CustomerRow, today: Day) {
        self.init()
        customerID = row.customer.text
        name = row.name
        market = row.market
        customerSince = row.since.description
        freshness.sources = PBSourceCoverage.all(row.coverage, on: today)
        freshness.workloads = PBWorkloadCoverage.all(row.coverage, on: today)
    }
}

extension PBSourceCoverage {
    /// One entry per source, in the order of the enum.
    static func all(_ coverage: CoverageRow, on day: Day) -> [PBSourceCoverage] {
        let sources: [(PBSource, Day?)] = [
            (.subscriptions, coverage.subscriptions), (.assignments, coverage.assignments),
            (.activity, coverage.activity),
        ]
        return sources.map { source, through in
            var entry = PBSourceCoverage()
            entry.source = source
            entry.status = PBCoverageStatus(through: through, on: day)
            entry.through = through?.description ?? ""
            return entry
        }
    }
}

extension PBWorkloadCoverage {
    /// One entry per workload, by code; none while activity is not reported at all.
    static func all(_ coverage: CoverageRow, on day: Day) -> [PBWorkloadCoverage] {
        guard coverage.activity != nil else { return [] }
        return Workload.allCases.map { workload in
            let through = coverage[workload]
            var entry = PBWorkloadCoverage()
            entry.workloadCode = workload.code
            entry.status = PBCoverageStatus(through: through, on: day)
            entry.through = through?.description ?? ""
            return entry
        }
    }
}

extension PBCoverageStatus {
    fileprivate init(through: Day?, on day: Day) {
        self = PBCoverageStatus(rawValue: CoverageStatus(through: through, on: day).rawValue) ?? .unspecified
    }
}

extension PBSubscription {
    init(_ row: SubscriptionRow) {
        self.init()
        let fact = row.fact
        subscriptionID = fact.subscription.text
        skuID = fact.sku.text
        skuName = row.skuName
        state = PBSubscriptionState(rawValue: Int(fact.state.rawValue)) ?? .unspecified
        quantity = fact.quantity
        trial = fact.trial
        termEnd = fact.termEnd?.description ?? ""
        autoRenew = fact.autoRenew
        effectiveDate = fact.effective.description
        term = fact.term?.text ?? ""
    }
}

extension PBLicensedUser {
    init(_ row: LicensedUserRow) {
        self.init()
        userID = row.user.text
        principalName = row.principalName?.text ?? ""
        displayName = row.displayName
        skuIds = row.skus.map(\.text)
        lastActivity = row.lastActive.map { workload, day in
            var activity = PBWorkloadActivity()
            activity.workloadCode = workload.code
            activity.lastActiveDate = day.description
            return activity
        }
    }
}
