import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Tenancy

/// A page: the messages that it shows, and how it shows them.
protocol Page: Sendable {
    static var pattern: String { get }
    static var permission: Permission { get }
    /// The item of the menu under which it stands.
    static var section: Section { get }

    /// Makes the calls.
    init(_ load: PageLoad) throws(RPCStatus)

    func title(_ words: any Words) -> String
    func body(_ view: PageView, _ html: inout HTML)
    /// Another answer than a page: the same figures as a file.
    func file(_ view: PageView) -> WebResponse?
}

extension Page {
    func file(_ view: PageView) -> WebResponse? { nil }
}

/// What a page is loaded with.
struct PageLoad {
    let calls: any LocalCalls
    let variables: [String: String]
    let query: PageQuery
    let language: PageLanguage
    let shown = ShownRevision()

    func call<Reply: SwiftProtobuf.Message>(
        _ method: Method, _ request: some SwiftProtobuf.Message, as type: Reply.Type = Reply.self
    ) throws(RPCStatus) -> Reply {
        let reply = try calls.call(method, request, as: type)
        if let revision = (reply as? any RevisedReply)?.revision { shown.take(revision) }
        return reply
    }

    /// The customer of the path, else of the query; empty for the portfolio.
    var customerID: String { variables["customer_id"] ?? query["customer"] ?? "" }

    /// The customer that the page is about; nil for the portfolio.
    func customer() throws(RPCStatus) -> PBCustomer? {
        customerID.isEmpty ? nil : try customer(customerID)
    }

    func customer(_ id: String) throws(RPCStatus) -> PBCustomer {
        var request = PBGetCustomerRequest()
        request.customerID = id
        let reply: PBGetCustomerResponse = try call(.getCustomer, request)
        return reply.customer
    }

    /// Names by id, for lists whose rows have only the id; those that are no customers meanwhile are left out.
    func names(of ids: some Sequence<String>) throws(RPCStatus) -> [String: String] {
        var names: [String: String] = [:]
        for id in ids where names[id] == nil && !id.isEmpty {
            do throws(RPCStatus) {
                names[id] = try customer(id).name
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
        return names
    }
}

/// The oldest facts of a page. Belongs to the thread on which it is made.
final class ShownRevision {
    private(set) var revision: UInt64?

    func take(_ told: UInt64) { revision = min(revision ?? told, told) }
}

/// What a page is about, for the script that hears of changes.
struct PageSubject: Sendable {
    /// Nil where there are no figures.
    let revision: UInt64?
    /// Empty for the portfolio.
    let customer: String
}

/// What a page is written with.
struct PageView: Sendable {
    let language: PageLanguage
    let words: any Words
    let numerals: Numerals
    let query: PageQuery
    /// What the caller may, for the menu and for links.
    let permissions: Set<Permission>
    let caller: PageCaller?
    var subject: PageSubject?

    init(language: PageLanguage, query: PageQuery, permissions: Set<Permission>, caller: PageCaller?) {
        self.language = language
        words = language.words
        numerals = Numerals(language: language)
        self.query = query
        self.permissions = permissions
        self.caller = caller
    }

    func may(_ permission: Permission) -> Bool { permissions.contains(permission) }
}

/// Who is signed in, for the head of the page.
struct PageCaller: Sendable {
    let name: String
    /// Empty for the operator.
    let partner: String
    /// By a cookie, of which one can let go.
    var isSignedIn = false
}

/// The menu.
enum Section: CaseIterable, Sendable {
    case portfolio, customers, compare, trend, explain, advice, export, access, audit, none

    var permission: Permission? {
        switch self {
        case .portfolio, .customers, .compare, .trend, .explain, .advice: .readInsights
        case .export: .exportInsights
        case .access: .managePrincipals
        case .audit: .readAudit
        case .none: nil
        }
    }

    var link: Link {
        switch self {
        case .portfolio, .none: Link()
        case .customers: Link("customers")
        case .compare: Link("compare")
        case .trend: Link("trend")
        case .explain: Link("explain")
        case .advice: Link("advice")
        case .export: Link("export")
        case .access: Link("access")
        case .audit: Link("audit")
        }
    }

    func title(_ words: any Words) -> String {
        switch self {
        case .portfolio: words.portfolio
        case .customers: words.customers
        case .compare: words.compare
        case .trend: words.trend
        case .explain: words.explain
        case .advice: words.advice
        case .export: words.export
        case .access: words.access
        case .audit: words.audit
        case .none: ""
        }
    }
}
