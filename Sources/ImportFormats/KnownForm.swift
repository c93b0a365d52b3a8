/// What a file is by the names of its columns or keys, to say so where another was asked for.
struct KnownForm {
    let name: String
    /// How it is imported; nil when it is not.
    let kind: ImportKind?

    var message: String {
        if let kind { return "this is \(name): import it as \(kind.rawValue)" }
        return "this is \(name), which is not imported"
    }

    /// Folded names that only the form has together.
    private static let signatures: [(names: [String], form: KnownForm)] = [
        (
            ["userprincipalname", "assignedlicenses"],
            KnownForm(name: "a list of users with their licenses", kind: .graphUsers)
        ),
        (["skuid", "totallicenses"], KnownForm(name: "Graph's directory/subscriptions", kind: .graphSubscriptions)),
        (["skuid", "consumedunits"], KnownForm(name: "Graph's subscribedSkus", kind: .graphSubscribedSkus)),
        (
            ["offerid", "quantity"],
            KnownForm(name: "a list of Partner Center's subscriptions", kind: .partnerSubscriptions)
        ),
        (
            ["stringid", "guid", "serviceplanname"],
            KnownForm(name: "the vendor's table of product names and service plans", kind: .skuTable)
        ),
        (
            ["reportrefreshdate", "userprincipalname", "exchangelastactivitydate"],
            KnownForm(name: "the report getOffice365ActiveUserDetail", kind: .graphActiveUsers)
        ),
        (["reportrefreshdate", "teamchatmessagecount"], report("getTeamsUserActivityUserDetail")),
        (["reportrefreshdate", "likedcount"], report("getYammerActivityUserDetail")),
        (["reportrefreshdate", "sendcount"], report("getEmailActivityUserDetail")),
        (["reportrefreshdate", "issuewarningquota(byte)"], report("getMailboxUsageDetail")),
        (["reportrefreshdate", "visitedpagecount"], report("getSharePointActivityUserDetail")),
        (["reportrefreshdate", "syncedfilecount"], report("getOneDriveActivityUserDetail")),
        (["reportrefreshdate", "siteurl"], report("of the usage of sites")),
        (["reportrefreshdate", "lastactivateddate"], report("getOffice365ActivationsUserDetail")),
        (["reportrefreshdate", "useractivationcounts"], report("getOffice365ActivationsUserDetail")),
        (["reportrefreshdate", "exchangeactive"], report("getOffice365ServicesUserCounts")),
        (["reportrefreshdate", "reportdate"], report("of counts by day")),
        (
            ["statuscode", "rawcontent"],
            KnownForm(name: "PowerShell's object of a whole web answer (save its Content)", kind: nil)
        ),
        (["responses"], KnownForm(name: "the answer of a batch call (save the body of each response)", kind: nil)),
        (["reportrefreshdate"], KnownForm(name: "a usage report", kind: .graphActiveUsers)),
        (["userprincipalname", "displayname"], KnownForm(name: "a list of users", kind: .graphUsers)),
    ]

    private static func report(_ name: String) -> KnownForm {
        KnownForm(name: "the report \(name)", kind: nil)
    }

    /// - Parameter has: whether the file has a folded name.
    static func of(_ has: (String) -> Bool) -> KnownForm? {
        signatures.first { $0.names.allSatisfy(has) }?.form
    }
}
