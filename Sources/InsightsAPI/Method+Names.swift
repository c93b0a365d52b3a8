extension Method {
    /// The package of the product's own services; all others are gRPC's.
    public static let package = "partner.insights.v1"

    /// The methods of the product's own services: each has a permission.
    public static let own = allCases.filter { $0.path.hasPrefix("/\(package).") }

    /// Full name of the service, such as `partner.insights.v1.InsightsService`.
    public var service: String { String(path.dropFirst().prefix { $0 != "/" }) }

    /// The name within the service, such as `GetCustomerInsights`.
    public var name: String { String(path.drop { $0 != "/" }.dropFirst().drop { $0 != "/" }.dropFirst()) }

    /// One of the product's own methods by its path, `/package.Service/Method`, or by its name alone.
    public init?(ownNamed text: String) {
        guard let method = Self.own.first(where: { $0.path == text || $0.name == text }) else { return nil }
        self = method
    }
}
