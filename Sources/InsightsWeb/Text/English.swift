/// English.
struct English: Words {
    // MARK: Around every page

    var product: String { "Partner Insights" }
    var skipToContent: String { "Skip to content" }
    var menu: String { "Menu" }
    var language: String { "Language" }
    var footer: String { "Figures of your own customers only. Days are in UTC." }
    var about: String { "About these figures" }
    var me: String { "Your account" }
    var signOut: String { "Sign out" }
    var portfolio: String { "Portfolio" }
    var customers: String { "Customers" }
    var compare: String { "Compare" }
    var trend: String { "Trend" }
    var explain: String { "Explain" }
    var advice: String { "Advice" }
    var export: String { "Export" }
    var access: String { "Access" }
    var audit: String { "Audit trail" }

    // MARK: Common

    var notReported: String { "not reported" }
    var unknown: String { "unknown" }
    var of: String { "of" }
    var or: String { " or " }
    var yes: String { "yes" }
    var no: String { "no" }
    var day: String { "Day" }
    var from: String { "From" }
    var through: String { "Through" }
    var show: String { "Show" }
    var filter: String { "Filter" }
    var clearFilter: String { "Clear" }
    var firstPage: String { "First page" }
    var nextPage: String { "Next page" }
    var pagesOfList: String { "Pages of the list" }
    var pagesOfCustomer: String { "Pages of the customer" }
    var customerInsights: String { "Customer insights" }
    var figuresOf: String { "Figures of" }
    var activityOf: String { "activity of" }
    var allCustomers: String { "All customers" }
    var total: String { "Total" }
    var share: String { "Share" }
    var meaning: String { "Who they are" }
    var state: String { "State" }
    var productLabel: String { "Product" }
    var allProducts: String { "All products" }
    var scope: String { "Licenses of" }
    var scopeAll: String { "All sellers" }
    var scopeOwn: String { "Own sales" }

    // MARK: Figures

    var licenses: String { "Licenses" }
    var license: String { "License" }
    var usersActive: String { "users active" }
    var own: String { "Own" }
    var allSellers: String { "All sellers" }
    var sold: String { "Sold" }
    var soldMeaning: String { "Active, in grace or disabled; no trials" }
    var entitled: String { "Entitled" }
    var entitledMeaning: String { "Licenses that may be used" }
    var trial: String { "Trial" }
    var trialMeaning: String { "Trial licenses: never part of sold or entitled" }
    var uncounted: String { "Uncounted" }
    var uncountedMeaning: String { "Of subscriptions that counted in the last 28 days and no longer do" }
    var assigned: String { "Assigned" }
    var assignedMeaning: String { "People who hold the license" }
    var assignedUnsold: String { "Assigned, not sold" }
    var assignedUnsoldMeaning: String { "Assigned from a trial only, or where nothing is sold" }
    var deployment: String { "Deployment" }
    var usage: String { "Usage" }
    var perEntitlement: String { "Usage per entitlement" }
    var activeUsers: String { "Active users" }
    var workload: String { "Workload" }
    var workloads: String { "Lines" }
    var wholeProduct: String { "Whole product" }
    var estimateNote: String {
        "≈ is an estimate: an assigned license belongs to no seller. The true figure is within the range below it, "
            + "which is outlined in the bar."
    }
    var estimateInChart: String {
        "≈ is an estimate: an assigned license belongs to no seller. The true figure is within the band around the line."
    }
    var ofAllSellers: String { "all sellers" }
    var inTheWindow: String { "28 days" }
    var noLicenses: String { "No licenses and no activity on this day." }
    var skuID: String { "SKU id" }

    // MARK: Freshness

    var lagging: String { "lagging" }
    var reportedCustomers: String { "reported" }
    var freshnessOfActivity: String { "Customers by freshness of activity" }
    var activityThrough: String { "Activity through" }

    // MARK: Charts

    var numbersOfChart: String { "The numbers of this chart" }
    var noFigures: String { "no figure in this period" }
    var moreTrend: String { "Other periods and figures" }
    var noTrend: String { "Nothing is reported on these days." }
    var figure: String { "Figure" }
    var interval: String { "Interval" }
    var byDay: String { "Day" }
    var byWeek: String { "Week" }
    var byMonth: String { "Month" }
    var downloadCSV: String { "Download as CSV" }

    // MARK: Portfolio and customers

    var customer: String { "Customer" }
    var customerID: String { "Customer id" }
    var customerSince: String { "Customer since" }
    var market: String { "Market" }
    var overview: String { "Overview" }
    var subscriptions: String { "Subscriptions" }
    var users: String { "Users" }
    var lowestUsage: String { "Lowest usage" }
    var noUsageAnywhere: String { "Usage is not reported for any customer." }
    var allCustomersByUsage: String { "All customers by usage" }
    var topAdvice: String { "Where to begin" }
    var nameContains: String { "Name contains" }
    var usageBelow: String { "Usage below %" }
    var deploymentBelow: String { "Deployment below %" }
    var soldFrom: String { "Sold at least" }
    var noCustomers: String { "There are no customers yet." }
    var noCustomersMatch: String { "No customer matches the filters." }
    var order: String { "Order" }
    var orderName: String { "by name" }
    var orderUsage: String { "lowest usage first" }
    var orderDeployment: String { "lowest deployment first" }
    var orderSold: String { "most licenses first" }
    var orderActive: String { "most active users first" }
    var moreFilters: String { "More filters" }
    var forOneCustomer: String { "For one customer: choose from the list" }

    // MARK: Comparison

    var compareTitle: String { "Own licenses beside all sellers" }
    var soldBy: String { "Sold by" }
    var direct: String { "Direct" }
    var otherPartners: String { "Other partners" }
    var unknownSeller: String { "Unknown seller" }
    var ownShare: String { "Own share" }
    var ownDeployment: String { "Own deployment" }
    var allDeployment: String { "Deployment, all sellers" }

    // MARK: Explanation

    var explainTitle: String { "Why usage is what it is" }
    var activeBecause: String { "Active because" }
    var unclassified: String { "Unclassified" }
    var unclassifiedMeaning: String { "their licenses or assignments are not reported" }

    // MARK: Advice

    var kind: String { "Kind" }
    var allKinds: String { "All kinds" }
    var consider: String { "Consider" }
    var tryThis: String { "Try" }
    var evidence: String { "Figures that led to it" }
    var noAdvice: String { "There is no advice: nothing stands out." }
    var noAdviceOfKind: String { "There is no advice of this kind." }
    var noAdviceYet: String { "There is no advice yet." }

    // MARK: Subscriptions and users

    var quantity: String { "Quantity" }
    var term: String { "Term" }
    var termEnd: String { "End of term" }
    var noEnd: String { "no end" }
    var renews: String { "renews by itself" }
    var ends: String { "ends" }
    var since: String { "Unchanged since" }
    var subscriptionID: String { "Subscription id" }
    var noSubscriptions: String { "You have sold this customer no subscriptions." }
    var user: String { "User" }
    var activity: String { "Activity" }
    var anyActivity: String { "Active or not" }
    var active: String { "Active in 28 days" }
    var inactive: String { "Not active in 28 days" }
    var anyWorkload: String { "Any workload" }
    var lastActive: String { "Last active" }
    var neverActive: String { "never seen active" }
    var noUsers: String { "Nobody holds a license." }
    var noUsersMatch: String { "Nobody matches the filters." }

    // MARK: Export

    var exportLead: String { "The whole portfolio as a file: one row per customer, product and day." }
    var exportNote: String { "Figures that are not reported are left empty in the file, never written as 0." }
    var formOfNumbers: String { "Form of numbers" }
    var formEnglish: String { "1234.5, commas between fields" }
    var formDutch: String { "1234,5, semicolons between fields" }
    var byteOrderMark: String { "Mark for Excel (byte order mark)" }

    // MARK: Access and audit

    var principal: String { "Account" }
    var partner: String { "Partner" }
    var displayName: String { "Name" }
    var roles: String { "Roles" }
    var noName: String { "no name" }
    var noRole: String { "no role" }
    var enabled: String { "enabled" }
    var disabled: String { "disabled" }
    var permission: String { "Permission" }
    var whoMayWhat: String { "Who may do what" }
    var accessNote: String {
        "This page only shows who has access. To change it, use the command “insights principals”."
    }
    var operatorName: String { "operator" }
    var operatorHasNone: String { "none: the operator belongs to no partner" }
    var credentialExpires: String { "Signed in until" }
    var meLead: String { "Your account, as this server knows it." }
    var youMay: String { "You may" }
    var time: String { "Time" }
    var who: String { "Who" }
    var method: String { "What" }
    var decision: String { "Decision" }
    var allowed: String { "allowed" }
    var denied: String { "denied" }
    var outcome: String { "Outcome" }
    var customerCode: String { "Customer code" }
    var noCustomer: String { "no customer" }
    var record: String { "Record" }
    var noRecords: String { "There are no records yet." }

    // MARK: About and refusals

    var aboutLead: String { "What the words mean, and where the figures come from." }
    var whatFiguresMean: String { "What the figures mean" }
    var forPrograms: String { "For programs" }
    var forProgramsText: String {
        "Everything here is an answer of the API, which programs call by gRPC and by plain HTTP, with "
            + "the same certificate, permissions and limits."
    }
    var operatorOnly: String { "Only the operator of the system may." }
    var toPortfolio: String { "To the portfolio" }
    var certificateRefused: String { "This certificate gives no access" }
    var certificateRefusedWhy: String {
        "Your browser shows a certificate that is not registered here, has ended, or is of another organization than "
            + "the one you are signed in for. Close the browser to be asked for another one, or sign out first."
    }
    var tryAgain: String { "Try again" }
    var sessionEnded: String { "You have been signed out" }
    var sessionEndedWhy: String { "Nobody has used this page for a while, or your roles have to be asked for again." }
    var signInAgain: String { "Sign in again" }
}
