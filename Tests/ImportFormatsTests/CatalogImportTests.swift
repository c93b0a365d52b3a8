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

    @Test func `a bad row is named by line and column and nothing is made of the file`() {
        let header = "Product_Display_Name,String_Id,GUID,Service_Plan_Name\r\n"
        let good = "A,B,\(officeE3),TEAMS1\r\n"
        let check = { (text: String) in problem(.skuTable, [input(text, name: "skus.csv")], options()) }
        #expect(check(header + good + "A,B,nonsense,TEAMS1\r\n") == "skus.csv:3:5: GUID “nonsense” is not a GUID")
        #expect(check(header + "A,B\r\n") == "skus.csv:2:1: the row has 2 fields, the header has 4")
        #expect(check(header + "A,,\(officeE3),TEAMS1\r\n") == "skus.csv:2:3: string_id is empty")
        #expect(
            check("A,B\r\n")
                .hasPrefix("skus.csv:1: the header has no column “product_display_name”, “string_id”, “guid”")
        )
        #expect(check("") == "skus.csv: the file is empty")
        #expect(
            check(header + "\(String(repeating: "x", count: 300)),B,\(officeE3),T")
                == "skus.csv:2:1: sku.name is longer than 256 characters")
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
