import LicenseModel
import Testing

@testable import InsightsCore

/// Numbers that must fit each other, whoever changes one.
@Suite struct RelationTests {
    @Test func everyFigureHasALane() {
        #expect(LicenseVector.Lane.allCases.count <= LicenseVector.maximumLanes)
        #expect(LicenseVector.Lane.allCases.map(\.rawValue) == Array(0..<LicenseVector.Lane.allCases.count))
    }

    @Test func tablesHaveAPlaceForEach() {
        #expect(Workload.allCases.map { Int($0.rawValue) } == Array(0..<Workload.count))
        #expect(Product.allCases.map(\.place) == Array(0..<Product.count))
        let subjects = Workload.allCases.map { Subject.of($0) } + Product.allCases.map { Subject.of($0) }
        #expect(subjects == Array(0..<Subject.count))
        #expect(SubjectClasses.Counts.count == Subject.count * SubjectClasses.Class.allCases.count)
        #expect(CustomerCounts.Products.count == Product.count)
        #expect(CountSelection.Masks.count == Product.count)
        #expect(ActivityTable.rowCount == ActivityTable.firstUnionRow + Product.count)
        // `PartnerSums` takes a row of the table for a subject.
        #expect(ActivityTable.rowCount == Subject.count && ActivityTable.firstUnionRow == Workload.count)
    }

    @Test func setsHaveABitForEach() {
        // `SkuCatalog.subjects` and the rows of `CustomerChange.Activity`.
        #expect(Subject.count <= UInt16.bitWidth)
        #expect(Workload.count <= WorkloadSet.RawValue.bitWidth)
        #expect(Int(WorkloadSet.all.rawValue) == 1 << Workload.count - 1)
        #expect(ReportedSources.all.rawValue.nonzeroBitCount == Source.allCases.count)
        #expect(ReportedSources.all == [.subscriptions, .assignments, .activity])
    }

    /// `ActivityTable.insert` looks at a day and all days within reach in one word, and shifts days by whole words.
    @Test func windowsFitAWord() {
        #expect(2 * Day.windowReach + 1 <= UInt64.bitWidth)
        #expect(ActivityTable.shift >= Day.windowReach)
        #expect(ActivityTable.shift % UInt64.bitWidth == 0)
    }

    /// What needs a source needs all that it is counted from.
    @Test func figuresNeedTheirSources() {
        for raw in UInt8(0)..<8 {
            let reported = ReportedSources(rawValue: raw)
            #expect(reported.tellSold == reported.contains(.subscriptions))
            #expect(reported.tellAssigned == reported.isSuperset(of: [.subscriptions, .assignments]))
            #expect(reported.tellActive == reported.contains(.activity))
            #expect(reported.tellUsage == (reported == .all))
            let coverage = CoverageRow(
                subscriptions: reported.contains(.subscriptions) ? .first : nil,
                assignments: reported.contains(.assignments) ? .first : nil,
                activity: reported.contains(.activity) ? .first : nil)
            #expect(ReportedSources(coverage) == reported)
        }
    }

    @Test func coverageHasAPlaceForEachWorkload() {
        for workload in Workload.allCases {
            var coverage = CoverageRow()
            coverage.report(Day(number: 9), in: WorkloadSet([workload]))
            #expect(Workload.allCases.filter { coverage[$0] != nil } == [workload])
            #expect(coverage.activity == Day(number: 9) && coverage.reportedWorkloads == WorkloadSet([workload]))
        }
        #expect(CoverageRow(activity: .first).reportedWorkloads == .all && CoverageRow().reportedWorkloads.isEmpty)
    }
}
