import InsightsAPI
import RPCEngine
import Tenancy

/// All words of the pages, in one language. What replies carry as text is the server's.
protocol Words: Sendable {
    // MARK: Around every page

    var product: String { get }
    var skipToContent: String { get }
    var menu: String { get }
    var language: String { get }
    var footer: String { get }
    var about: String { get }
    var me: String { get }
    var signOut: String { get }
    var portfolio: String { get }
    var customers: String { get }
    var compare: String { get }
    var trend: String { get }
    var explain: String { get }
    var advice: String { get }
    var export: String { get }
    var access: String { get }
    var audit: String { get }

    // MARK: Common

    var notReported: String { get }
    var unknown: String { get }
    var of: String { get }
    var or: String { get }
    var yes: String { get }
    var no: String { get }
    var day: String { get }
    var from: String { get }
    var through: String { get }
    var show: String { get }
    var filter: String { get }
    var clearFilter: String { get }
    var firstPage: String { get }
    var nextPage: String { get }
    var pagesOfList: String { get }
    var pagesOfCustomer: String { get }
    /// What the page about a customer is called.
    var customerInsights: String { get }
    var figuresOf: String { get }
    var activityOf: String { get }
    var allCustomers: String { get }
    var total: String { get }
    var share: String { get }
    var meaning: String { get }
    var state: String { get }
    var productLabel: String { get }
    var allProducts: String { get }
    var scope: String { get }
    var scopeAll: String { get }
    var scopeOwn: String { get }

    // MARK: Figures

    var licenses: String { get }
    var license: String { get }
    var usersActive: String { get }
    var own: String { get }
    var allSellers: String { get }
    var sold: String { get }
    var soldMeaning: String { get }
    var entitled: String { get }
    var entitledMeaning: String { get }
    var trial: String { get }
    var trialMeaning: String { get }
    var uncounted: String { get }
    var uncountedMeaning: String { get }
    var assigned: String { get }
    var assignedMeaning: String { get }
    var assignedUnsold: String { get }
    var assignedUnsoldMeaning: String { get }
    var deployment: String { get }
    var usage: String { get }
    var perEntitlement: String { get }
    var activeUsers: String { get }
    var workload: String { get }
    var workloads: String { get }
    var wholeProduct: String { get }
    var estimateNote: String { get }
    var estimateInChart: String { get }
    /// Beside a figure.
    var ofAllSellers: String { get }
    var inTheWindow: String { get }
    var noLicenses: String { get }
    var skuID: String { get }

    // MARK: Freshness

    var lagging: String { get }
    var reportedCustomers: String { get }
    var freshnessOfActivity: String { get }
    var activityThrough: String { get }

    // MARK: Charts

    var numbersOfChart: String { get }
    var noFigures: String { get }
    var moreTrend: String { get }
    var noTrend: String { get }
    var figure: String { get }
    var interval: String { get }
    var byDay: String { get }
    var byWeek: String { get }
    var byMonth: String { get }
    var downloadCSV: String { get }

    // MARK: Portfolio and customers

    var customer: String { get }
    var customerID: String { get }
    var customerSince: String { get }
    var market: String { get }
    var overview: String { get }
    var subscriptions: String { get }
    var users: String { get }
    var lowestUsage: String { get }
    var noUsageAnywhere: String { get }
    var allCustomersByUsage: String { get }
    var topAdvice: String { get }
    var nameContains: String { get }
    var usageBelow: String { get }
    var deploymentBelow: String { get }
    var soldFrom: String { get }
    var noCustomers: String { get }
    var noCustomersMatch: String { get }
    var order: String { get }
    var orderName: String { get }
    var orderUsage: String { get }
    var orderDeployment: String { get }
    var orderSold: String { get }
    var orderActive: String { get }
    var moreFilters: String { get }
    var forOneCustomer: String { get }

    // MARK: Comparison

    var compareTitle: String { get }
    var soldBy: String { get }
    var direct: String { get }
    var otherPartners: String { get }
    var unknownSeller: String { get }
    var ownShare: String { get }
    var ownDeployment: String { get }
    var allDeployment: String { get }

    // MARK: Explanation

    var explainTitle: String { get }
    var activeBecause: String { get }
    var unclassified: String { get }
    var unclassifiedMeaning: String { get }

    // MARK: Advice

    var kind: String { get }
    var allKinds: String { get }
    var consider: String { get }
    var tryThis: String { get }
    var evidence: String { get }
    var noAdvice: String { get }
    var noAdviceOfKind: String { get }
    /// Before the source that is not reported.
    var noAdviceYet: String { get }

    // MARK: Subscriptions and users

    var quantity: String { get }
    var term: String { get }
    var termEnd: String { get }
    var noEnd: String { get }
    var renews: String { get }
    var ends: String { get }
    var since: String { get }
    var subscriptionID: String { get }
    var noSubscriptions: String { get }
    var user: String { get }
    var activity: String { get }
    var anyActivity: String { get }
    var active: String { get }
    var inactive: String { get }
    var anyWorkload: String { get }
    var lastActive: String { get }
    var neverActive: String { get }
    var noUsers: String { get }
    var noUsersMatch: String { get }

    // MARK: Export

    var exportLead: String { get }
    var exportNote: String { get }
    var formOfNumbers: String { get }
    var formEnglish: String { get }
    var formDutch: String { get }
    var byteOrderMark: String { get }

    // MARK: Access and audit

    var principal: String { get }
    var partner: String { get }
    var displayName: String { get }
    var roles: String { get }
    var noName: String { get }
    var noRole: String { get }
    var enabled: String { get }
    var disabled: String { get }
    var permission: String { get }
    var whoMayWhat: String { get }
    var accessNote: String { get }
    var operatorName: String { get }
    var operatorHasNone: String { get }
    var credentialExpires: String { get }
    var meLead: String { get }
    var youMay: String { get }
    var time: String { get }
    var who: String { get }
    var method: String { get }
    var decision: String { get }
    var allowed: String { get }
    var denied: String { get }
    var outcome: String { get }
    var customerCode: String { get }
    var noCustomer: String { get }
    var record: String { get }
    var noRecords: String { get }

    // MARK: About and refusals

    var aboutLead: String { get }
    var whatFiguresMean: String { get }
    var forPrograms: String { get }
    var forProgramsText: String { get }
    var operatorOnly: String { get }
    var toPortfolio: String { get }
    var certificateRefused: String { get }
    var certificateRefusedWhy: String { get }
    var tryAgain: String { get }
    var sessionEnded: String { get }
    var sessionEndedWhy: String { get }
    var signInAgain: String { get }

    // MARK: Sentences and names

    /// `12 customers`
    func customerCount(_ count: String, isOne: Bool) -> String
    func subscriptionCount(_ count: String, isOne: Bool) -> String
    func userCount(_ count: String, isOne: Bool) -> String
    func foundCount(_ count: String, isOne: Bool) -> String
    func principalCount(_ count: String, isOne: Bool) -> String
    func recordCount(_ count: String, isOne: Bool) -> String
    func adviceCount(_ count: String, isOne: Bool) -> String
    func allAdvice(_ count: String) -> String
    func trendOf(_ days: String) -> String
    /// Of a chart that a few figures would have flattened.
    func axisChanges(_ from: String, _ top: String) -> String
    func chartSummary(_ lines: [String]) -> String
    func classesOf(_ count: String) -> String
    func workloadsBehind(_ count: String) -> String
    func uncatalogued(_ count: String) -> String
    func rolesThatDo(_ roles: String) -> String
    /// As the end of a line of figures.
    func licensesOf(isOwn: Bool) -> String
    /// `18 of 22 licenses assigned`; side by side where the one is no part of the other.
    func assignedOf(_ assigned: String, _ sold: String, isMore: Bool) -> String
    /// `9 of 40 users active`
    func activeOf(_ active: String, _ total: String, isMore: Bool) -> String
    /// Of the sold licenses only those count whose assignments are reported.
    func deploymentCovers(_ count: String, of sold: String) -> String
    func source(_ source: PBSource) -> String
    func state(_ state: PBSubscriptionState) -> String
    /// Of its code; a code that is not known stays as it is.
    func workload(_ code: String) -> String
    /// Of an ISO 8601 duration such as `P1M`.
    func term(_ duration: String) -> String
    func metric(_ metric: TrendMetric) -> String
    func metricMeaning(_ metric: TrendMetric) -> String
    /// Its name, and who is in it.
    func usageClass(_ usageClass: PBUsageClass) -> (title: String, meaning: String)
    func adviceKind(_ kind: PBRecommendationKind) -> String
    func evidenceName(_ name: String) -> String
    func role(_ role: Role) -> String
    func permission(_ permission: Permission) -> String
    /// Why there is no page: a title, and what to do.
    func refusal(_ code: RPCStatus.Code) -> (title: String, meaning: String)
    /// Terms and what they mean.
    var definitions: [(String, String)] { get }
}

extension String {
    /// As at the beginning of a sentence.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
