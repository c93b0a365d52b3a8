import Foundation
import InsightsAPI
import Testing

@testable import ImportFormats

@Suite struct CatalogImportTests {
    private func skus(_ collected: Collected) -> [String: PBSkuFact] {
        Dictionary(collected.facts.map { ($0.sku.skuID, $0.sku) }, uniquingKeysWith: { first, _ in first })
    }

    @Test func `the vendor's table becomes SKUs with the workloads they entitle to`() throws {
        let (collected, inspection) = try run(.skuTable, [try fixture("sku-table.csv")], options())
        let skus = skus(collected)
        #expect(skus.count == 6)
        #expect(skus[officeE3]?.name == "Office 365 E3")
        #expect(skus[officeE3]?.product == .office365)
        #expect(skus[officeE3]?.workloadCodes == ["APPS", "EXO", "SFB", "SPO", "TEAMS", "YAM"])
        let scal = try #require(skus["e43b5b99-8dfb-405f-9987-dc307f34bcbd"])
        #expect(scal.name == "Example, with a comma and + sign (Plan 1)")
        #expect(scal.workloadCodes == ["TEAMS"])
        let lookAlikes = try #require(skus["00000000-1111-4222-8333-444444444444"])
        #expect(lookAlikes.product == .unspecified)
        #expect(lookAlikes.workloadCodes.isEmpty)
        let sales = try #require(skus["1e1a282c-9c54-43a2-9310-98ef728faace"])
        #expect(sales.product == .dynamics365)
        #expect(sales.workloadCodes == ["CRM", "SPO"])
        #expect(skus["d17b27af-3f49-4822-99f9-56a661538792"]?.workloadCodes == ["CRM"])
        let storage = try #require(skus["328dc228-00bc-48c6-8b09-1fbc8bc3435d"])
        #expect(storage.product == .unspecified)
        #expect(inspection.report.rows == 26)
        #expect(inspection.report.notes == ["\(officeE3) has more than one name; “Office 365 E3” is used"])
    }

    @Test func `look-alike plans entitle to nothing`() {
        for plan in ServicePlanRules.lookAlikes {
            #expect(ServicePlanRules.workloads(ofPlans: [plan]).isEmpty, "\(plan)")
        }
        for plan in ["DYN365_CDS_O365_P1", "Teams_Room_Basic", "EXCHANGEONLINE_MULTIGEO", "M365_COPILOT_TEAMS"] {
            #expect(ServicePlanRules.workload(ofPlan: plan) == nil, "\(plan)")
        }
        #expect(ServicePlanRules.workload(ofPlan: "exchange_s_standard_gov") == .exo)
        #expect(ServicePlanRules.workload(ofPlan: "ONEDRIVE_BASIC") == .spo)
        #expect(ServicePlanRules.workload(ofPlan: "SHAREPOINTENTERPRISE_EDU") == .spo)
    }

    @Test func `a file of another form is refused by line and column`() {
        let header = "Product_Display_Name,String_Id,GUID,Service_Plan_Name\r\n"
        let check = { (text: String) in problem(.skuTable, [input(text, name: "skus.csv")], options()) }
        #expect(check(header + "A,B\r\n") == "skus.csv:2:1: the row has 2 fields, the header has 4")
        #expect(
            check("A,B\r\n")
                .hasPrefix("skus.csv:1: the header has no column “product_display_name”, “string_id”, “guid”")
        )
        #expect(check("") == "skus.csv: the file is empty")
        #expect(
            check("\u{FEFF}" + header + "\"A,B")
                == "skus.csv:2:1: the quote that starts this field is never closed: is the file cut short?")
    }

    @Test func `missing files are named as such`() {
        let missing = InputFile(path: "/nonexistent/skus.csv")
        #expect(problem(.skuTable, [missing], options()) == "/nonexistent/skus.csv: the file cannot be opened")
    }

    @Test func `subscribed SKUs give the catalog part and say what is left out`() throws {
        let (collected, inspection) = try run(
            .graphSubscribedSkus, [try fixture("graph-subscribed-skus.json")], options())
        let skus = skus(collected)
        #expect(skus[officeE3]?.name == "ENTERPRISEPACK")
        #expect(skus[officeE3]?.workloadCodes == ["EXO"])
        #expect(skus["f30db892-07e9-47e9-837c-80727f46fd3d"]?.product == .unspecified)
        // A SKU of the organization is no license of people, whatever its name.
        #expect(skus["11111111-07e9-47e9-837c-80727f46fd3d"]?.product == .unspecified)
        #expect(inspection.report.leftOut.map(\.count) == [3])
        #expect(inspection.coverage.isEmpty)
    }

    @Test func `subscribed SKUs of another customer are refused`() throws {
        let other = options { $0.customerTenant = "00000000-0000-4000-8000-00000000ffff" }
        let text = problem(.graphSubscribedSkus, [try fixture("graph-subscribed-skus.json")], other)
        #expect(text.hasPrefix("graph-subscribed-skus.json:3:"))
        #expect(text.contains("the file belongs to tenant “\(tenant)”"))
    }

    @Test func `a bad id or name of a catalog row keeps no other row out`() throws {
        let header = "Product_Display_Name,String_Id,GUID,Service_Plan_Name\r\n"
        let long = String(repeating: "x", count: 300)
        let rows = [
            "A,AA,\(officeE3),TEAMS1", "B,BB,nonsense,TEAMS1", "C,,\(tenant),TEAMS1",
            "\(long),DD,11111111-2222-4333-8444-555555555555,TEAMS1",
        ]
        let file = input(header + rows.joined(separator: "\r\n"), name: "skus.csv")
        let (collected, inspection) = try run(.skuTable, [file], options())
        let skus = skus(collected)
        #expect(skus.count == 2)
        // The part number stands in for a name that is too long: without it the SKU would be in no figure.
        #expect(skus["11111111-2222-4333-8444-555555555555"]?.name == "DD")
        #expect(
            inspection.report.leftOut.map { "\($0.reason) \($0.places.map(\.position.line))" } == [
                "a row whose GUID is none [3]", "a row without String_Id [4]",
                "a name that is longer than names may be [5]",
            ])
        #expect(
            problem(.skuTable, [file], options { $0.strict = true })
                == "skus.csv:3:6: a row whose GUID is none: --strict refuses it and 2 more")
        let report = input("Report Refresh Date,User Principal Name,Teams Last Activity Date\n", name: "a.csv")
        #expect(
            problem(.skuTable, [report], options())
                == "a.csv:1: this is a usage report: import it as graph-active-users")
        let subscribed = input(
            #"[{"skuId":"x","skuPartNumber":"A","consumedUnits":0},{"skuId":"\#(officeE3)","skuPartNumber":"B"}]"#)
        let (good, second) = try run(.graphSubscribedSkus, [subscribed], options())
        #expect(good.facts.map(\.sku.skuID) == [officeE3])
        #expect(second.report.leftOut.first?.places.map(\.text) == ["skuId “x” is not a GUID"])
    }

    @Test func `what is nobody's purchase is free, by part number or by name`() throws {
        for name in [
            "FLOW_FREE", "POWER_BI_STANDARD", "TEAMS_EXPLORATORY", "RIGHTSMANAGEMENT_ADHOC", "AD_HOC_X",
            "X_SELF_SERVICE",
            "Dynamics_365_Customer_Service_Enterprise_viral_trial", "Power_Pages_vTrial_for_Makers", "ms_teams_iw",
        ] {
            #expect(FreeSkuRules.isFree(partNumber: name), "\(name)")
        }
        for name in [
            "ENTERPRISEPACK", "STANDARDWOFFPACK_IW_FACULTY", "PROJECT_PLAN1_DEPT", "FREE_X", "SPIRAL", "POWER_BI_PRO",
            "DYN365_RETAIL_TRIAL", "FREEDOM", "VIRALX",
        ] {
            #expect(!FreeSkuRules.isFree(partNumber: name), "\(name)")
        }
        let names = try SideFiles.freeSkus(input("\(officeE3.uppercased())\n\ncrmstorage\nNOTHING\n"))
        let (collected, inspection) = try run(
            .skuTable, [try fixture("sku-table.csv")], options { $0.freeSkus = names })
        let free = collected.facts.map(\.sku).filter(\.free).map(\.skuID)
        #expect(free.contains(officeE3))
        #expect(inspection.report.notes.contains("--free-skus names 1 that no SKU of the files is: “nothing”"))
        let subscribed = try run(.graphSubscribedSkus, [try fixture("graph-subscribed-skus.json")], options())
        #expect(subscribed.0.facts.map(\.sku).filter(\.free).map(\.name) == ["FLOW_FREE"])
    }

    static let freeOfWholeTable = [
        "App Connect IW", "Business Apps (free)", "Dynamics 365 Business Central for IWs",
        "Dynamics 365 Customer Insights vTrial", "Dynamics 365 Customer Service Enterprise Viral Trial",
        "Dynamics 365 Customer Service Insights Trial", "Dynamics 365 Customer Voice Trial",
        "Dynamics 365 Field Service Viral Trial", "Dynamics 365 For Sales Professional Trial",
        "Dynamics 365 Guides vTrial", "Dynamics 365 P1 Tria for Information Workers",
        "Dynamics 365 Sales Premium Viral Trial", "Microsoft Cloud for Sustainability vTrial",
        "Microsoft Dynamics AX7 User Trial", "Microsoft Fabric (Free)", "Microsoft Fabric (Free) for faculty",
        "Microsoft Fabric (Free) for student", "Microsoft Power Apps Plan 2 Trial",
        "Microsoft Power Apps for Developer",
        "Microsoft Power Automate Free", "Microsoft Teams (Free)", "Microsoft Teams Commercial Cloud",
        "Microsoft Teams Exploratory", "Microsoft Teams Exploratory Dept", "Microsoft Teams Trial",
        "Power Pages vTrial for Makers", "Power Virtual Agents Viral Trial", "PowerApps per app baseline access",
        "Rights Management Adhoc",
    ]

    /// The whole public table: INSIGHTS_SKU_TABLE, or `shared/data/sku-table.csv` beside the package.
    static let wholeTable: String? = {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let beside = package.deletingLastPathComponent().appendingPathComponent("shared/data/sku-table.csv").path
        let named = ProcessInfo.processInfo.environment["INSIGHTS_SKU_TABLE"]
        return [named, beside].compactMap { $0 }.first { FileManager.default.isReadableFile(atPath: $0) }
    }()

    @Test(.enabled(if: wholeTable != nil, "INSIGHTS_SKU_TABLE names no file"))
    func `the whole public table is imported`() throws {
        let path = try #require(Self.wholeTable)
        let (collected, inspection) = try run(.skuTable, [InputFile(path: path)], options())
        #expect(inspection.report.rows == 5_457)
        #expect(inspection.facts == 569)
        let skus = skus(collected)
        #expect(skus.count == 569)
        #expect(inspection.report.leftOut.isEmpty)
        #expect(skus.values.filter(\.free).map(\.name).sorted() == Self.freeOfWholeTable)
        #expect(skus[officeE3]?.workloadCodes == ["APPS", "EXO", "SFB", "SPO", "TEAMS", "YAM"])
        #expect(skus["4b9405b0-7788-4568-add1-99614e613b69"]?.workloadCodes == ["EXO"])
        #expect(skus["1e1a282c-9c54-43a2-9310-98ef728faace"]?.product == .dynamics365)
        #expect(skus["f30db892-07e9-47e9-837c-80727f46fd3d"]?.product == .unspecified)
        // 284 products have nothing but EXCHANGE_S_FOUNDATION; mailboxes are in about a hundred.
        let mailboxes = skus.values.filter { $0.workloadCodes.contains("EXO") }.count
        #expect((80...110).contains(mailboxes), "\(mailboxes)")
        #expect(collected.batches.count == 1)
    }
}
