import LicenseModel
import Tenancy
import Testing

@Suite struct CatalogTests {
    @Test func workloadsAreOrderedByCode() {
        let codes = Workload.allCases.map(\.code)
        #expect(codes == ["APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM"])
        #expect(codes == codes.sorted())
        #expect(Workload.allCases == Workload.allCases.sorted())
    }

    @Test func codesNameOneWorkloadEach() {
        for workload in Workload.allCases {
            #expect(Workload(code: workload.code) == workload)
            #expect(Workload(code: workload.code.lowercased()) == nil)
            #expect(!workload.name.isEmpty)
        }
        #expect(Workload(code: "ODB") == .spo)
        for code in ["", "odb", "SPO ", "SHAREPOINT", "\u{0}", "EXO\u{301}"] { #expect(Workload(code: code) == nil) }
    }

    @Test func setsHoldEachWorkloadOnce() {
        #expect(WorkloadSet([]).workloads.isEmpty)
        #expect(WorkloadSet(Workload.allCases).workloads == Workload.allCases)
        for bits in 0...127 as ClosedRange<UInt8> {
            let set = WorkloadSet(rawValue: bits)
            #expect(WorkloadSet(set.workloads) == set)
            #expect(Workload.allCases.filter(set.contains) == set.workloads)
        }
        #expect(WorkloadSet([Workload.yam, .apps, .yam]).workloads == [.apps, .yam])
    }

    /// These numbers are on the wire and on disk.
    @Test func numbersStay() {
        #expect(Product.allCases.map(\.rawValue) == [1, 2])
        #expect(Workload.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6])
        #expect(SubscriptionState.allCases.map(\.rawValue) == [1, 2, 3, 4])
        #expect(Source.allCases.map(\.rawValue) == [1, 2, 3])
        #expect(SupportCategory.allCases.map(\.rawValue) == [1, 2])
    }

    @Test func revisionsCountUp() {
        #expect(Revision.none.next == Revision(number: 1))
        #expect(Revision.none < Revision.none.next)
        #expect(Revision(number: 42).description == "42")
    }

    @Test func batchIDsAreVisibleASCII() throws {
        #expect(try BatchID("a/b:c#1").text == "a/b:c#1")
        #expect(reason(for: "") == "is required")
        #expect(reason(for: "a b") == "may contain only visible ASCII characters")
        #expect(reason(for: "caf\u{E9}") == "may contain only visible ASCII characters")
        #expect(reason(for: String(repeating: "a", count: 129)) == "is longer than 128 characters")
    }

    private func reason(for text: String) -> String? {
        do {
            _ = try BatchID(text)
            return nil
        } catch {
            return error.reason
        }
    }
}
