/// A product family shown in insights. Raw values are those of `partner.insights.v1.Product`.
public enum Product: UInt8, CaseIterable, Sendable, Hashable, Comparable {
    case office365 = 1
    case dynamics365 = 2

    /// How many there are, for bounds of loops and tables that must cost nothing to know.
    @inlinable public static var count: Int { 2 }

    public static func < (left: Product, right: Product) -> Bool { left.rawValue < right.rawValue }
}

/// What is used. Raw values order the workloads as their codes do, byte by byte.
public enum Workload: UInt8, CaseIterable, Sendable, Hashable, Comparable {
    case apps = 0
    case crm = 1
    case exo = 2
    case sfb = 3
    case spo = 4
    case teams = 5
    case yam = 6

    /// How many there are, for bounds of loops and tables that must cost nothing to know.
    @inlinable public static var count: Int { 7 }

    public static func < (left: Workload, right: Workload) -> Bool { left.rawValue < right.rawValue }

    public var code: String {
        switch self {
        case .apps: "APPS"
        case .crm: "CRM"
        case .exo: "EXO"
        case .sfb: "SFB"
        case .spo: "SPO"
        case .teams: "TEAMS"
        case .yam: "YAM"
        }
    }

    public var name: String {
        switch self {
        case .apps: "Microsoft 365 Apps"
        case .crm: "Dynamics 365"
        case .exo: "Exchange"
        case .sfb: "Skype for Business"
        case .spo: "SharePoint"
        case .teams: "Teams"
        case .yam: "Yammer"
        }
    }

    /// OneDrive is no workload of its own: its activity and its plans count as `SPO`.
    public static let oneDriveCode = "ODB"

    /// Case-sensitive; takes `oneDriveCode` too.
    public init?(code: String) {
        if code == Self.oneDriveCode {
            self = .spo
            return
        }
        guard let workload = Workload.allCases.first(where: { $0.code == code }) else { return nil }
        self = workload
    }
}

/// A set of workloads, one bit each.
public struct WorkloadSet: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let all = WorkloadSet(Workload.allCases)

    public init(_ workloads: some Sequence<Workload>) {
        rawValue = workloads.reduce(0) { $0 | (1 << $1.rawValue) }
    }

    public func contains(_ workload: Workload) -> Bool { rawValue & (1 << workload.rawValue) != 0 }

    /// In the order of the codes.
    public var workloads: [Workload] { Workload.allCases.filter(contains) }
}

/// The state of a subscription. Raw values are those of `partner.insights.v1.SubscriptionState`.
public enum SubscriptionState: UInt8, CaseIterable, Sendable, Hashable {
    case active = 1
    case grace = 2
    case suspended = 3
    case deprovisioned = 4
}

/// A source of facts that reports separately. Raw values are those of `partner.insights.v1.Source`.
public enum Source: UInt8, CaseIterable, Sendable, Hashable {
    case subscriptions = 1
    case assignments = 2
    case activity = 3
}

/// What a support request was about. Raw values are those of `partner.insights.v1.SupportCategory`.
public enum SupportCategory: UInt8, CaseIterable, Sendable, Hashable {
    case howTo = 1
    case other = 2
}
