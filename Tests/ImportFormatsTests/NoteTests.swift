import Testing

@testable import ImportFormats

@Suite struct NoteTests {
    private func notes(_ kind: ImportKind, _ text: String) throws -> (all: [String], ofContent: [String]) {
        let report = try run(kind, [input(text)], options()).1.report
        return (report.notes, report.notesOfContent)
    }

    /// Whoever has no files gets no advice about them.
    @Test func `what only an import by hand can follow is apart`() throws {
        let held = #"{"id":"u1","userPrincipalName":"a@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}"#
        let people = try notes(.graphUsers, #"{"value":[\#(held)]}"#)
        #expect(people.all.count == 1 && people.all[0].hasSuffix("with --all-skus-from or --sku"))
        #expect(people.ofContent.isEmpty)
        let sku = #"{"skuId":"\#(officeE3)","skuPartNumber":"ENTERPRISEPACK","servicePlans":[]}"#
        let catalog = try notes(.graphSubscribedSkus, #"{"value":[\#(sku)]}"#)
        #expect(catalog.all == ["names are part numbers here; import sku-table afterwards for the sales names"])
        #expect(catalog.ofContent.isEmpty)
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"
        let empty = try notes(.graphActiveUsers, header)
        #expect(empty.all == ["input has no rows: nobody was active up to 2026-03-31"] && empty.ofContent.isEmpty)
    }

    @Test func `what the files tell is for everybody`() throws {
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"
        let row = "2026-03-02,f3b1a9c08e7d4f5a9b0c1d2e3f405162,2026-03-01\n"
        let concealed = try notes(.graphActiveUsers, header + row)
        #expect(concealed.all.count == 1 && concealed.all[0].hasPrefix("1 row has a concealed name"))
        #expect(concealed.ofContent == concealed.all)
    }

    @Test func `a note is there once, and there are not many`() {
        var report = ImportReport()
        report.note("a", isOfFiles: true)
        report.note("a")
        #expect(report.notes == ["a"] && report.notesOfContent.isEmpty)
        for number in 0..<1_000 { report.note("\(number)") }
        #expect(report.notes.count == 100)
        var other = ImportReport()
        other.note("a")
        var same = ImportReport()
        same.note("a", isOfFiles: true)
        #expect(other != same)
    }
}
