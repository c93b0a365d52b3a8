import Foundation
import ImportFormats
import LicenseModel
import Outgoing
import Tenancy

/// What is synchronized for whom, from where, and as whom.
public struct SyncConfiguration: Sendable {
    public enum Customers: Sendable, Equatable {
        /// Graph `contracts`: every customer of a reseller relationship.
        case contracts
        /// Graph `tenantRelationships/delegatedAdminCustomers`: every customer of a delegated relationship.
        case delegatedAdminCustomers
        case listed([SyncCustomer])
    }

    /// Bytes of the file: 100,000 customers by name.
    static let largestFile = 64 << 20

    public var partnerID: String
    public var partnerTenant: String
    public var clientID: String
    public var credential: ApplicationCredential
    /// Without a slash at the end.
    public var login: String
    public var graph: String
    /// PEM file of the authorities of the endpoints; nil = the system's.
    public var authoritiesFile: String?
    public var customers: Customers
    /// Partner ids by lower-cased tenant id, the partner's own among them.
    public var partnerTenants: [String: String]
    public var stateFolder: String

    /// Reads a file and the secrets that it names; relative paths are relative to it.
    public static func load(_ path: String) throws(SyncFailure) -> SyncConfiguration {
        guard let handle = FileHandle(forReadingAtPath: path),
            let data = try? handle.read(upToCount: largestFile + 1) ?? Data()
        else { throw SyncFailure("the configuration “\(path)” cannot be read") }
        guard data.count <= largestFile else {
            throw SyncFailure("the configuration “\(path)” is larger than \(largestFile) bytes")
        }
        guard let value = try? JSONSerialization.jsonObject(with: data) else {
            throw SyncFailure("the configuration “\(path)” is not JSON")
        }
        let name = (path as NSString).lastPathComponent
        if let twice = RepeatedKey.first(in: [UInt8](data), ignoringCaseIn: "partner_tenants") {
            throw SyncFailure("\(name):\(twice.line): \(twice.path) is there twice")
        }
        do {
            return try SyncConfiguration(ConfigurationObject(value, ""), of: path)
        } catch {
            throw SyncFailure("\(name): \(error.description)")
        }
    }

    private init(_ root: ConfigurationObject, of path: String) throws(SyncFailure) {
        try root.allow(["partner", "application", "endpoints", "customers", "partner_tenants", "state"])
        let folder = (path as NSString).deletingLastPathComponent
        let beside = { (name: String) in
            name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
        }
        let partner = try root.object("partner")
        try partner.allow(["partner_id", "tenant_id"])
        partnerID = try partner.id("partner_id")
        partnerTenant = try partner.tenant("tenant_id")
        let application = try root.object("application")
        try application.allow(["client_id", "client_secret_file", "certificate", "key"])
        clientID = try application.text("client_id")
        credential = try Self.credential(application, beside)
        let endpoints = try root.optionalObject("endpoints")
        try endpoints.allow(["login", "graph", "ca"])
        login = try endpoints.origin("login", default: "https://login.microsoftonline.com")
        graph = try endpoints.origin("graph", default: "https://graph.microsoft.com")
        authoritiesFile = try endpoints.optionalText("ca").map(beside)
        if let file = authoritiesFile, !FileManager.default.isReadableFile(atPath: file) {
            throw SyncFailure("endpoints.ca: the file “\(file)” cannot be read")
        }
        customers = try Self.customers(root)
        partnerTenants = [:]
        let tenants = try root.optionalObject("partner_tenants")
        for tenant in tenants.keys {
            guard tenant.isGUID else { throw SyncFailure("partner_tenants: “\(tenant)” is not a tenant id (GUID)") }
            partnerTenants[tenant.lowercased()] = try tenants.id(tenant)
        }
        if let other = partnerTenants.updateValue(partnerID, forKey: partnerTenant), other != partnerID {
            throw SyncFailure(
                "partner_tenants: “\(partnerTenant)” is partner.tenant_id, whose partner is “\(partnerID)”")
        }
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        stateFolder = beside(try root.optionalText("state") ?? "\(stem)-state")
    }

    private static func credential(
        _ application: ConfigurationObject, _ beside: (String) -> String
    ) throws(SyncFailure) -> ApplicationCredential {
        let secret = try application.optionalText("client_secret_file")
        let certificate = try application.optionalText("certificate")
        let key = try application.optionalText("key")
        switch (secret, certificate, key) {
        case (let secret?, nil, nil):
            let name = "application.client_secret_file"
            let bytes = try PrivateFile.read(beside(secret), name, isSecret: true)
            let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }) else {
                throw SyncFailure("\(name) does not hold a secret of one line")
            }
            return .secret(text)
        case (nil, let certificate?, let key?):
            return .certificate(
                try AssertionSigner(
                    certificate: try PrivateFile.read(beside(certificate), "application.certificate", isSecret: false),
                    key: try PrivateFile.read(beside(key), "application.key", isSecret: true)))
        case (nil, _?, nil), (nil, nil, _?):
            throw SyncFailure("application.certificate and application.key belong together")
        case (nil, nil, nil):
            throw SyncFailure("application needs client_secret_file, or certificate and key")
        default:
            throw SyncFailure("application has both client_secret_file and a certificate: one of them is enough")
        }
    }

    private static func customers(_ root: ConfigurationObject) throws(SyncFailure) -> Customers {
        switch root.value("customers") {
        case nil: return .contracts
        case let text as String where text == "contracts": return .contracts
        case let text as String where text == "delegatedAdminCustomers": return .delegatedAdminCustomers
        case let list as [Any]:
            var customers: [SyncCustomer] = []
            var known: Set<String> = []
            for (index, element) in list.enumerated() {
                let place = "customers[\(index)]"
                let object = try ConfigurationObject(element, place)
                try object.allow(["tenant_id", "customer_id", "name", "market"])
                let tenant = try object.tenant("tenant_id")
                let id = object.value("customer_id") == nil ? tenant : try object.id("customer_id")
                for (value, what) in [(tenant, "tenant_id"), (id, "customer_id")] {
                    guard known.insert(what + value).inserted else {
                        throw SyncFailure("\(place).\(what) “\(value)” is there twice")
                    }
                }
                customers.append(
                    SyncCustomer(
                        tenantID: tenant, customerID: id, name: try object.name("name"),
                        market: try object.name("market")))
            }
            return .listed(customers)
        default:
            throw SyncFailure("customers must be “contracts”, “delegatedAdminCustomers” or a list of customers")
        }
    }
}

/// A customer that is synchronized.
public struct SyncCustomer: Sendable, Equatable {
    /// In lower case.
    public var tenantID: String
    public var customerID: String
    /// Nil = not told.
    public var name: String?
    public var market: String?

    public init(tenantID: String, customerID: String, name: String?, market: String?) {
        self.tenantID = tenantID
        self.customerID = customerID
        self.name = name
        self.market = market
    }
}

/// An object of the configuration, with its place for messages.
private struct ConfigurationObject {
    private let members: [String: Any]
    private let place: String

    init(_ value: Any, _ place: String) throws(SyncFailure) {
        guard let members = value as? [String: Any] else {
            throw SyncFailure("\(place.isEmpty ? "the configuration" : place) is not an object")
        }
        self.members = members
        self.place = place
    }

    var keys: [String] { members.keys.sorted() }

    func value(_ key: String) -> Any? {
        guard let value = members[key], !(value is NSNull) else { return nil }
        return value
    }

    func allow(_ known: Set<String>) throws(SyncFailure) {
        if let key = keys.first(where: { !known.contains($0) }) {
            throw SyncFailure(
                "\(path(key)) is no key of the configuration; known are \(known.sorted().joined(separator: ", "))")
        }
    }

    func object(_ key: String) throws(SyncFailure) -> ConfigurationObject {
        guard let value = value(key) else { throw SyncFailure("\(path(key)) is missing") }
        return try ConfigurationObject(value, path(key))
    }

    func optionalObject(_ key: String) throws(SyncFailure) -> ConfigurationObject {
        try ConfigurationObject(value(key) ?? [String: Any](), path(key))
    }

    func optionalText(_ key: String) throws(SyncFailure) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value as? String, !text.isEmpty else { throw SyncFailure("\(path(key)) is not a text") }
        return text
    }

    func text(_ key: String) throws(SyncFailure) -> String {
        guard let text = try optionalText(key) else { throw SyncFailure("\(path(key)) is missing") }
        return text
    }

    func id(_ key: String) throws(SyncFailure) -> String {
        let text = try text(key)
        do {
            _ = try FieldRules.id(text, path(key)) as CustomerID
        } catch {
            throw SyncFailure(error.message)
        }
        return text
    }

    func name(_ key: String) throws(SyncFailure) -> String? {
        guard let text = try optionalText(key) else { return nil }
        do {
            return try FieldRules.name(text, path(key))
        } catch {
            throw SyncFailure(error.message)
        }
    }

    /// In lower case.
    func tenant(_ key: String) throws(SyncFailure) -> String {
        let text = try text(key)
        guard text.isGUID else { throw SyncFailure("\(path(key)) “\(text)” is not a tenant id (GUID)") }
        return text.lowercased()
    }

    /// An https address without a slash at its end.
    func origin(_ key: String, default standard: String) throws(SyncFailure) -> String {
        var text = try optionalText(key) ?? standard
        while text.hasSuffix("/") { text.removeLast() }
        guard HTTPSAddress(text) != nil, !text.contains("?") else {
            throw SyncFailure("\(path(key)) “\(text)” is not an address that begins with https://")
        }
        return text
    }

    private func path(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }
}
