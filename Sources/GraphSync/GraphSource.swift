import LicenseModel

/// What is asked of Graph.
enum GraphSource: String, Sendable, CaseIterable {
    case contracts
    case delegatedAdminCustomers = "delegated_admin_customers"
    case catalog
    case subscriptions
    case users
    case settings = "report_settings"
    case activity

    /// What it is called in messages and tables.
    var title: String {
        switch self {
        case .contracts: "contracts"
        case .delegatedAdminCustomers: "delegatedAdminCustomers"
        case .catalog: "subscribedSkus"
        case .subscriptions: "directory/subscriptions"
        case .users: "users"
        case .settings: "admin/reportSettings"
        case .activity: "getOffice365ActiveUserDetail"
        }
    }

    /// Path and query below the version of the API.
    var path: String {
        switch self {
        case .contracts: "contracts?$top=999"
        case .delegatedAdminCustomers: "tenantRelationships/delegatedAdminCustomers"
        case .catalog: "subscribedSkus"
        case .subscriptions: "directory/subscriptions"
        case .users: "users?$select=id,userPrincipalName,displayName,assignedLicenses&$top=999"
        case .settings: "admin/reportSettings"
        case .activity: "reports/getOffice365ActiveUserDetail"
        }
    }

    /// The least application permission, by the name under which an administrator finds it.
    var permission: String {
        switch self {
        case .contracts: "Directory.Read.All"
        case .delegatedAdminCustomers: "DelegatedAdminRelationship.Read.All"
        case .catalog: "LicenseAssignment.Read.All"
        case .subscriptions: "Organization.Read.All"
        case .users: "User.Read.All"
        case .settings: "ReportSettings.Read.All"
        case .activity: "Reports.Read.All"
        }
    }

    /// The same with the least that can be asked for, to see whether it may be read.
    func shortPath(of day: Day) -> String {
        switch self {
        case .contracts: "contracts?$top=1"
        case .delegatedAdminCustomers: "tenantRelationships/delegatedAdminCustomers?$top=1"
        case .catalog: "subscribedSkus?$select=skuId"
        case .subscriptions: "directory/subscriptions?$top=1"
        case .users: "users?$select=id&$top=1"
        case .settings: "admin/reportSettings"
        case .activity: "reports/getOffice365ActiveUserDetail(date=\(day))"
        }
    }
}
