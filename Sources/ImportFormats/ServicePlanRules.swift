import LicenseModel

/// Which service plans of the vendor's catalog entitle to which workload. A table of names and not of prefixes:
/// hundreds of products contain a plan that looks like a mailbox or a site (`EXCHANGE_S_FOUNDATION`, `SHAREPOINTWAC`)
/// and entitles to none.
enum ServicePlanRules {
    /// Plan names, upper case. Each also counts with one of `suffixes`.
    static let entitling: [Workload: Set<String>] = [
        .exo: [
            "EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE", "EXCHANGE_S_DESKLESS", "EXCHANGE_S_ESSENTIALS",
            "EXCHANGE_L_STANDARD", "EXCHANGE_B_STANDARD",
        ],
        .spo: [
            "SHAREPOINTSTANDARD", "SHAREPOINTENTERPRISE", "SHAREPOINTDESKLESS", "SHAREPOINTLITE",
            "SHAREPOINT_S_DEVELOPER", "SHAREPOINT PLAN 1G",
        ],
        .teams: ["TEAMS1", "TEAMS_DESKLESS", "TEAMSESS", "MCO_TEAMS_IW"],
        .sfb: ["MCOSTANDARD", "MCOIMP", "MCOLITE"],
        .yam: ["YAMMER_ENTERPRISE", "YAMMER_EDU", "YAMMER_MIDSIZE", "YAMMER_BASIC"],
        .apps: [
            "OFFICESUBSCRIPTION", "OFFICE_BUSINESS", "OFFICE_PROPLUS_DEVICE", "OFFICE_PRO_PLUS_SUBSCRIPTION_SMBIZ",
        ],
    ]

    /// Editions of the same plan.
    static let suffixes = ["_GOV", "_EDU", "_MIDMARKET", "_DOD", "_GCCHIGH"]

    /// Whole families of plans.
    static let entitlingPrefixes: [(prefix: String, workload: Workload)] = [
        ("ONEDRIVE", .spo), ("TEAMS_AR_", .teams), ("TEAMS_GOV", .teams), ("YAMMER_GOV", .yam),
    ]

    /// Plans that look as if they entitled and do not; kept to say so and to be checked by tests.
    static let lookAlikes: Set<String> = [
        "EXCHANGE_S_FOUNDATION", "EXCHANGE_S_FOUNDATION_GOV", "EXCHANGE_FOUNDATION_GOV", "EXCHANGE_ANALYTICS",
        "EXCHANGE_ANALYTICS_GOV", "EXCHANGE_S_ARCHIVE", "EXCHANGE_S_ARCHIVE_ADDON", "EXCHANGEONLINE_MULTIGEO",
        "SHAREPOINTWAC", "SHAREPOINTWAC_EDU", "SHAREPOINTWAC_GOV", "SHAREPOINTWAC_DEVELOPER", "SHAREPOINTSTORAGE",
        "SHAREPOINTSTORAGE_GOV", "SHAREPOINTONLINE_MULTIGEO", "TEAMSPRO_MGMT", "TEAMSPRO_CUST", "TEAMSPRO_PROTECTION",
        "TEAMSPRO_VIRTUALAPPT", "TEAMSPRO_WEBINAR", "TEAMS_FREE", "TEAMS_FREE_SERVICE", "TEAMSMULTIGEO", "MCOEV",
        "MCOEV_GOV", "MCOEVSMB", "MCOMEETADV", "MCOFREE", "OFFICEMOBILE_SUBSCRIPTION", "OFFICESUBSCRIPTION_UNATTENDED",
    ]

    /// Part numbers of Dynamics SKUs that are storage, environments or message packs of an organization and never a
    /// person's license; they would only dilute the figures.
    static let dynamicsCapacity: Set<String> = [
        "CRMSTORAGE", "CRMSTORAGE_GCC", "CRMINSTANCE", "CRMINSTANCE_GCC", "CRMTESTINSTANCE", "CRMTESTINSTANCE_GCC",
        "CRMTESTINSTANCE_NOPREREQ", "CRM_ONLINE_PORTAL", "CRM_ONLINE_PORTAL_GCC", "CRM_ONLINE_PORTAL_NOPREREQ",
        "CRM_AUTO_ROUTING_ADDON", "CRM_HYBRIDCONNECTOR", "DYN365_ASSETMANAGEMENT", "DYN365_BUSCENTRAL_ADD_ENV_ADDON",
        "DYN365_BUSCENTRAL_DB_CAPACITY", "DYN365_CUSTOMER_VOICE_ADDON", "DYN365_CUSTOMER_VOICE_BASE", "FORMS_PRO_ADDON",
        "DYN365_MARKETING_APPLICATION_ADDON", "DYN365_MARKETING_SANDBOX_APPLICATION_ADDON",
        "DYN365_MARKETING_CONTACT_ADDON_T3", "DYN365_MARKETING_CONTACT_ADDON_T5",
        "DYN365_IOT_INTELLIGENCE_ADDL_MACHINES", "DYN365_IOT_INTELLIGENCE_SCENARIO",
        "DYNAMICS_365_FOR_OPERATIONS_DEVICES", "DYNAMICS_365_FOR_OPERATIONS_SANDBOX_TIER2_SKU",
        "DYNAMICS_365_FOR_OPERATIONS_SANDBOX_TIER4_SKU",
    ]

    /// The workload that one plan entitles to.
    static func workload(ofPlan plan: String) -> Workload? {
        let name = plan.uppercased()
        if lookAlikes.contains(name) { return nil }
        let base = suffixes.first(where: name.hasSuffix).map { String(name.dropLast($0.count)) }
        for (workload, plans) in entitling {
            if plans.contains(name) { return workload }
            if let base, plans.contains(base) { return workload }
        }
        return entitlingPrefixes.first { name.hasPrefix($0.prefix) }?.workload
    }

    /// Every workload of a list of plans. One published cell holds two names run together, so that the words of a name
    /// that is unknown as a whole are looked at one by one.
    static func workloads(ofPlans plans: some Sequence<String>) -> Set<Workload> {
        var found = Set<Workload>()
        for plan in plans {
            if let workload = workload(ofPlan: plan) {
                found.insert(workload)
            } else {
                found.formUnion(plan.split(separator: " ").compactMap { workload(ofPlan: String($0)) })
            }
        }
        return found
    }

    /// Dynamics 365 is told by the name of the product: its plans also sit inside office suites (`DYN365_CDS_…`).
    static func isDynamics(name: String, partNumber: String) -> Bool {
        let partNumber = partNumber.uppercased()
        return name.lowercased().contains("dynamics") || partNumber.hasPrefix("DYN365_")
            || partNumber.hasPrefix("D365_")
            || partNumber.hasPrefix("DYNAMICS_365") || partNumber.hasPrefix("CRM")
    }
}
