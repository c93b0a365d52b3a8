/// Tells by its fields what a file is that was given as something else, so that the refusal can name it.
enum FileKinds {
    private static let fields: [(kind: ImportKind, any: Set<String>)] = [
        (.graphActiveUsers, ["reportrefreshdate"]),
        (.graphUsers, ["assignedlicenses", "userprincipalname"]),
        (.graphSubscriptions, ["totallicenses", "nextlifecycledatetime", "commercesubscriptionid"]),
        (.graphSubscribedSkus, ["consumedunits", "prepaidunits", "serviceplans"]),
        (.partnerSubscriptions, ["offerid", "commitmentenddate", "billingcycle"]),
        (.skuTable, ["productdisplayname"]),
    ]

    /// Reports of Graph by a column that no other has.
    private static let reports: [(column: String, report: String)] = [
        ("teamchatmessagecount", "getTeamsUserActivityUserDetail"), ("sendcount", "getEmailActivityUserDetail"),
        ("producttype", "getOffice365ActivationsUserDetail"), ("postedcount", "getYammerActivityUserDetail"),
        ("exchangeactive", "getOffice365ServicesUserCounts"), ("storageusedbyte", "a report of storage"),
        ("viewedoreditedfilecount", "a report of files"), ("reportdate", "a report of counts by day"),
    ]

    /// What is wrong with the keys of an element; nil when they may be those of the kind.
    static func complaint(ofKeys keys: some Sequence<String>, wanted: ImportKind) -> String? {
        complaint(plain(keys), among: fields.map(\.kind), wanted: wanted)
    }

    /// What is wrong with the columns of a table; nil when they may be those of the kind.
    static func complaint(ofColumns columns: some Sequence<String>, wanted: ImportKind) -> String? {
        let names = plain(columns)
        if names.contains("reportrefreshdate"), let other = reports.first(where: { names.contains($0.column) }) {
            return "this is \(other.report); graph-active-users reads getOffice365ActiveUserDetail"
        }
        return complaint(names, among: [.graphActiveUsers, .skuTable], wanted: wanted)
    }

    private static func complaint(_ names: Set<String>, among kinds: [ImportKind], wanted: ImportKind) -> String? {
        let found = fields.first { kinds.contains($0.kind) && !names.isDisjoint(with: $0.any) }?.kind
        guard let found, found != wanted else { return nil }
        // Kinds share fields: sign-in names are in reports too, which are none of people.
        let own = fields.first { $0.kind == wanted }?.any ?? []
        if found != .graphActiveUsers, !names.isDisjoint(with: own) { return nil }
        return "this is a file for \(found.rawValue), not for \(wanted.rawValue)"
    }

    /// Spaces, underscores and letter case differ from one tool to the next.
    private static func plain(_ names: some Sequence<String>) -> Set<String> {
        Set(names.map { $0.lowercased().filter { $0.isLetter || $0.isNumber } })
    }
}

extension JSONObject {
    /// Refuses the first element of a list that is of another kind.
    func check(is kind: ImportKind) throws {
        if let complaint = FileKinds.complaint(ofKeys: members.keys, wanted: kind) {
            throw JSONProblem(offset: offset, message: complaint)
        }
    }

    /// A word of a fixed list. PowerShell writes numbers for them, which stand for another word in every version.
    func word(_ key: String) throws -> String? {
        if let value = value(key), case .number = value.content {
            throw JSONProblem(
                offset: value.offset,
                message: "\(key) is a number where a word should be: PowerShell writes names of states as numbers; "
                    + "convert with -EnumsAsStrings")
        }
        return try string(key)?.lowercased()
    }

    func requiredWord(_ key: String) throws -> String {
        guard let word = try word(key) else { throw JSONProblem(offset: offset(key), message: "\(key) is missing") }
        return word
    }
}
