import InsightsAPI
import LicenseModel

@testable import ImportFormats

extension FuzzTarget {
    /// Vendor files of every kind, and the small files beside them. The first byte chooses the kind.
    static let imports = FuzzTarget(
        "imports", trials: 2_500, maximumLength: 6_144,
        dictionary: [
            "\"\"", "\r\n", "\u{FEFF}", "{\"value\":[", "]}", "\"id\":", "\"skuId\":", "\"servicePlans\":",
            "\"assignedLicenses\":", "\"userPrincipalName\":", "\"status\":", "\"totalLicenses\":",
            "\"@odata.nextLink\":",
            "6fd2c87f-b296-42f0-b197-1e91e994b900", "2026-03-31", "\\u00e4", "null", "-0.0e1", "Report Refresh Date",
            "sep=;\n", "#TYPE X\n", "\"/Date(1700000000000)/\"", "\"AdditionalProperties\":{", "{\"error\":",
            "\"@{a=b}\"", "\u{EF}\u{BB}\u{BF}", "\"totalCount\":",
        ],
        seeds: {
            [
                [6] + Array("{\"customer\":{\"customerId\":\"c1\",\"name\":\"Contoso\"}}\n".utf8),
                [7] + Array("offer_id,sku_id\nO1,6fd2c87f-b296-42f0-b197-1e91e994b900\n".utf8),
                [8] + Array("6fd2c87f-b296-42f0-b197-1e91e994b900\r\n".utf8),
                [4] + Array("sep=;\r\nReport Refresh Date;User Principal Name;Teams Last Activity Date\r\n".utf8),
                [4] + Array("[{\"reportRefreshDate\":\"2026-03-02\",\"userPrincipalName\":\"a@x\"}]".utf8),
                [4, 0xFF, 0xFE] + "Report Refresh Date\t".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] },
                [0] + Array("\"a\"\"b\",c\r\n\"d\ne\",\n".utf8),
            ]
        },
        run: { bytes in
            let number = Int(bytes.first ?? 0) % (ImportKind.allCases.count + 2)
            let file = InputFile(name: "input", bytes: Array(bytes.dropFirst()))
            var options = ImportOptions(today: Day(number: 20_544))
            options.customerID = "fabrikam"
            options.customerTenant = "7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0001"
            options.date = Day(number: 20_543)
            options.partnerID = "p1"
            options.skipUnmapped = true
            options.limits.maximumRows = 1_000
            switch number {
            case ImportKind.allCases.count: _ = try? SideFiles.offerMap(file)
            case ImportKind.allCases.count + 1: _ = try? SideFiles.customerSkus(file, options: options)
            default: read(ImportPlan(kind: ImportKind.allCases[number], files: [file], options: options))
            }
        })

    /// Inspects and makes the batches: what was inspected can be sent, and is the same the second time.
    private static func read(_ plan: ImportPlan) {
        guard let inspection = try? plan.inspect() else { return }
        let sent = Counter()
        do {
            try plan.makeBatches(inspection) { batch in
                require(batch.request.facts.count == batch.origins.count, "each fact has its origin")
                sent.facts += batch.request.facts.count
            }
        } catch { broken("what was inspected can be sent: \(error)") }
        require(sent.facts == inspection.facts + inspection.coverage.count, "all facts are sent")
    }

    private final class Counter {
        var facts = 0
    }
}
