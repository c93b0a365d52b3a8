import InsightsAPI

/// What the operator has in files of today, as far as they were given.
struct FilesInHand {
    var subscriptions: [PBSubscriptionFact]?
    /// By SKU id, from a list of users.
    var holders: [String: Int64]?
    /// By SKU id, as the source counts them.
    var consumed: [String: Int64]?

    var isEmpty: Bool { subscriptions == nil && holders == nil && consumed == nil }
}

/// What does not fit, of what the server knows by itself and beside files.
struct CheckFindings {
    struct Finding {
        /// A stable name.
        var kind: String
        /// SKU, subscription, user, source or workload; empty for what concerns the customer as a whole.
        var subject: String
        var text: String
    }

    private(set) var ofServer: [Finding] = []
    private(set) var ofFiles: [Finding] = []
    private let asOf: String

    init(_ check: PBCheckCustomerResponse, _ files: FilesInHand) {
        asOf = check.asOf
        addSources(check)
        addSubscriptions(check)
        addSkus(check)
        addPeople(check)
        compareSubscriptions(check, files)
        compare(check, files.holders, "holders_differ", "in the list of users")
        compare(check, files.consumed, "consumed_units_differ", "by consumedUnits")
    }

    // MARK: The server by itself

    private mutating func addSources(_ check: PBCheckCustomerResponse) {
        for source in check.sources {
            switch source.status {
            case .notReported:
                add("source_missing", source.source.title, "\(source.source.title): never reported")
            case .lagging:
                add("source_lags", source.source.title, "\(source.source.title): reported through \(source.through)")
            default: break
            }
        }
        for workload in check.workloads where workload.status == .notReported {
            add("workload_missing", workload.workloadCode, "activity in \(workload.workloadCode): never reported")
        }
        if check.incompleteSnapshotCount > 0 {
            let count = NumberText.count(Int(check.incompleteSnapshotCount), "list of holders", "lists of holders")
            add("snapshot_incomplete", "", "parts of \(count) are missing; they count nothing yet")
        }
    }

    private mutating func addSubscriptions(_ check: PBCheckCustomerResponse) {
        for row in check.subscriptions where row.endedBySnapshot {
            add(
                "subscription_ended", row.subscriptionID,
                "subscription \(row.subscriptionID) (\(NumberText.count(row.quantity)) of \(row.skuID)) is no longer "
                    + "listed since \(row.effectiveDate)")
        }
        for row in check.subscriptions
        where row.sellerPartnerID.isEmpty && row.sellerKind == .unknown && row.state != .deprovisioned {
            add("seller_unknown", row.subscriptionID, "subscription \(row.subscriptionID): no source tells the seller")
        }
        if check.subscriptionCount > check.subscriptions.count {
            let rest = NumberText.count(check.subscriptionCount - Int64(check.subscriptions.count))
            add("subscriptions_left_out", "", "\(rest) more subscriptions were not looked at one by one")
        }
    }

    private mutating func addSkus(_ check: PBCheckCustomerResponse) {
        if check.skuCount > check.skus.count {
            let rest = NumberText.count(check.skuCount - Int64(check.skus.count))
            add("skus_left_out", "", "\(rest) more SKUs were not looked at one by one")
        }
        for sku in check.skus {
            let name = sku.skuName.isEmpty ? sku.skuID : "\(sku.skuName) (\(sku.skuID))"
            if !sku.catalogued {
                add(
                    "sku_uncatalogued", sku.skuID,
                    "\(name) is not in the catalog: \(NumberText.count(Int(sku.licenses), "license", "licenses")) and "
                        + "\(NumberText.count(Int(sku.holders), "holder", "holders")) are in no figure")
            } else if sku.holders > sku.licenses, !sku.free {
                add(
                    "more_holders_than_licenses", sku.skuID,
                    "\(name): \(NumberText.count(sku.holders)) people hold "
                        + NumberText.count(Int(sku.licenses), "license", "licenses"))
            }
        }
    }

    private mutating func addPeople(_ check: PBCheckCustomerResponse) {
        if check.concealedPeople > 0 {
            let people = NumberText.count(Int(check.concealedPeople), "person is", "people are")
            add("people_concealed", "", "\(people) concealed by the source and cannot be matched with licenses")
        }
        addPeople(
            "never_seen", check.neverSeenCount, check.neverSeenUserIds, "licensed and never seen")
        addPeople("unlicensed", check.unlicensedCount, check.unlicensedUserIds, "seen and not licensed")
    }

    private mutating func addPeople(_ kind: String, _ count: Int64, _ ids: [String], _ what: String) {
        guard count > 0 else { return }
        let shown = ids.prefix(Self.shownPeople).joined(separator: ", ")
        let rest = count > Self.shownPeople ? ", …" : ""
        add(kind, "", "\(NumberText.count(Int(count), "person is", "people are")) \(what): \(shown)\(rest)")
    }

    private static let shownPeople = 10

    // MARK: Beside files

    private mutating func compareSubscriptions(_ check: PBCheckCustomerResponse, _ files: FilesInHand) {
        guard let listed = files.subscriptions else { return }
        let known = Dictionary(check.subscriptions.map { ($0.subscriptionID, $0) }) { first, _ in first }
        // Of two entries of one subscription the later says how it is.
        var latest: [String: PBSubscriptionFact] = [:]
        for fact in listed where latest[fact.subscriptionID].map({ $0.effectiveDate <= fact.effectiveDate }) ?? true {
            latest[fact.subscriptionID] = fact
        }
        let last = Self.lastTold(check.subscriptions.map(\.subscriptionID), of: check.subscriptionCount)
        for (id, fact) in latest.sorted(by: { $0.key < $1.key }) where Self.isTold(id, upTo: last) {
            guard let row = known[id] else {
                differ("subscription_unknown", id, "subscription \(id) of the file is not known")
                continue
            }
            for (what, here, there) in [
                ("SKU", row.skuID, fact.skuID), ("quantity", "\(row.quantity)", "\(fact.quantity)"),
                ("state", row.state.code, fact.state.code),
            ] where here != there {
                differ("subscription_differs", id, "subscription \(id): \(what) is \(here), in the file \(there)")
            }
        }
        for row in check.subscriptions where row.state != .deprovisioned && latest[row.subscriptionID] == nil {
            let id = row.subscriptionID
            differ("subscription_not_listed", id, "subscription \(id) is not in the file")
        }
    }

    /// The greatest id that the server has told, where it has more than it tells: of later ones nothing is known here.
    private static func lastTold(_ ids: [String], of count: Int64) -> String? {
        count > ids.count ? ids.last : nil
    }

    private static func isTold(_ id: String, upTo last: String?) -> Bool {
        last.map { !$0.utf8.lexicographicallyPrecedes(id.utf8) } ?? true
    }

    private mutating func compare(
        _ check: PBCheckCustomerResponse, _ counts: [String: Int64]?, _ kind: String, _ said: String
    ) {
        guard let counts else { return }
        let known = Dictionary(check.skus.map { ($0.skuID, $0.holders) }) { first, _ in first }
        let last = Self.lastTold(check.skus.map(\.skuID), of: check.skuCount)
        for sku in Set(known.keys).union(counts.keys).sorted() where Self.isTold(sku, upTo: last) {
            let (here, there) = (known[sku] ?? 0, counts[sku] ?? 0)
            if here == there { continue }
            let holders = NumberText.count(Int(here), "holder is", "holders are")
            differ(kind, sku, "\(sku): \(holders) known, \(said) \(NumberText.count(there))")
        }
    }

    private mutating func add(_ kind: String, _ subject: String, _ text: String) {
        ofServer.append(Finding(kind: kind, subject: subject, text: text))
    }

    private mutating func differ(_ kind: String, _ subject: String, _ text: String) {
        ofFiles.append(Finding(kind: kind, subject: subject, text: text))
    }

    // MARK: Shown

    func text(of customer: String) -> String {
        let all = ofServer + ofFiles
        if all.isEmpty { return "\(customer) as of \(asOf): everything fits.\n" }
        return "\(customer) as of \(asOf)\n\n" + all.map { "  \($0.text)\n" }.joined()
    }

    var rows: [[String]] {
        [["as_of", "finding", "subject", "text"]] + (ofServer + ofFiles).map { [asOf, $0.kind, $0.subject, $0.text] }
    }
}
