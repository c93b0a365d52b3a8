import InsightsAPI
import Testing

@testable import ImportFormats

@Suite struct PeopleImportTests {
    @Test func `users become names and one snapshot per SKU`() throws {
        let withExtra = options { $0.extraSkuIDs = ["4B9405B0-7788-4568-add1-99614e613b69"] }
        let (collected, inspection) = try run(.graphUsers, [try fixture("graph-users.json")], withExtra)
        let facts = collected.batches[0].request.facts
        let users = facts.compactMap { if case .user(let user) = $0.fact { user } else { nil } }
        #expect(users.map(\.userID) == ["anna@fabrikam.example", "guest_x#ext#@fabrikam.example"])
        #expect(users.map(\.displayName) == ["Anna  Vos", "Gast"])
        let snapshots = facts.compactMap { if case .assignmentSnapshot(let fact) = $0.fact { fact } else { nil } }
        #expect(
            snapshots.map(\.skuID) == [
                "4b9405b0-7788-4568-add1-99614e613b69", officeE3, "f30db892-07e9-47e9-837c-80727f46fd3d",
            ])
        #expect(
            snapshots.map(\.userIds) == [
                [], ["anna@fabrikam.example", "bram@fabrikam.example"], ["anna@fabrikam.example"],
            ])
        #expect(snapshots.allSatisfy { $0.date == "2026-03-31" && $0.customerID == "fabrikam" })
        #expect(inspection.coverage.map(\.source) == [.assignments])
        #expect(inspection.report.leftOut.map(\.count) == [1])
    }

    @Test func `half an answer is refused, all its pages are not`() throws {
        let first = input(
            "{\"@odata.nextLink\":\"x\","
                + #""value":[{"userPrincipalName":"a@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}]}"#
        )
        let last = input(#"{"value":[{"userPrincipalName":"b@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}]}"#)
        #expect(problem(.graphUsers, [first], options()).contains("give all pages in one command"))
        let (collected, _) = try run(.graphUsers, [first, last], options())
        #expect(collected.batches[0].request.facts.map(\.assignmentSnapshot.userIds) == [["a@x", "b@x"]])
    }

    @Test func `a first file tells since when licenses are held`() throws {
        let first = options { $0.heldSince = day("2026-01-01") }
        let (collected, _) = try run(.graphUsers, [try fixture("graph-users.json")], first)
        let facts = collected.batches[0].request.facts
        let held = facts.compactMap { if case .assignment(let fact) = $0.fact { fact } else { nil } }
        #expect(held.map(\.userID) == ["anna@fabrikam.example", "bram@fabrikam.example", "anna@fabrikam.example"])
        #expect(held.allSatisfy { $0.startDate == "2026-01-01" && $0.endDate.isEmpty })
        #expect(
            options { $0.heldSince = day("2026-04-01") }.complaint(for: .graphUsers)
                == "--held-since is after 2026-03-31")
    }

    @Test func `SKUs that nobody holds are pointed out unless they are named`() throws {
        let users = input(#"[{"userPrincipalName":"a@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}]"#)
        let isNoted = { (change: (inout ImportOptions) -> Void) in
            try run(.graphUsers, [users], options(change)).1.report.notes.contains { $0.contains("nobody in the file") }
        }
        #expect(try isNoted { _ in })
        #expect(try !isNoted { $0.extraSkuIDs = [officeE3] })
        #expect(try !isNoted { $0.heldSince = day("2026-01-01") })
    }

    @Test func `users without the field of licenses are refused`() {
        let text = problem(.graphUsers, [input(#"[{"userPrincipalName":"a@x"}]"#)], options())
        #expect(text.hasPrefix("input:1:2: assignedLicenses is missing"))
    }

    @Test func `activity by header name, from several reports in one file`() throws {
        let (collected, inspection) = try run(.graphActiveUsers, [try fixture("active-users.csv")], options())
        let facts = collected.batches[0].request.facts
        let activities = facts.compactMap { if case .activity(let fact) = $0.fact { fact } else { nil } }
        let texts = Set(activities.map { "\($0.userID) \($0.workloadCode) \($0.dates.joined(separator: ","))" })
        let concealed = "f3b1a9c08e7d4f5a9b0c1d2e3f405162"
        #expect(
            texts == [
                "anna@fabrikam.example EXO 2026-03-01", "anna@fabrikam.example ODB 2026-02-11",
                "anna@fabrikam.example TEAMS 2026-03-01", "anna@fabrikam.example EXO 2026-03-08",
                "anna@fabrikam.example TEAMS 2026-03-08", "chris@fabrikam.example SPO 2026-02-19",
                "\(concealed) YAM 2026-02-27",
            ])
        let names = facts.compactMap { if case .user(let user) = $0.fact { user } else { nil } }
        #expect(Set(names.map(\.displayName)) == ["Anna Vos", "Smit, Bram", "Chris Kok"])
        #expect(!names.contains { $0.userID == concealed })
        // The refresh day of the newest report, not today.
        #expect(inspection.coverage.map(\.through) == ["2026-03-09"])
        #expect(inspection.report.rows == 8)
    }

    @Test func `bad rows of an activity report`() {
        let header = "Report Refresh Date,User Principal Name,Is Deleted,Teams Last Activity Date\n"
        let check = { (text: String) in problem(.graphActiveUsers, [input(text, name: "a.csv")], options()) }
        #expect(check(header + "2026-03-02,a@x,maybe,\n") == "a.csv:2:16: “is deleted” must be True or False")
        #expect(
            check(header + "2026-03-02,a@x,False,3/1/2026\n").hasPrefix(
                "a.csv:2:22: teams last activity date “3/1/2026” is a date by locale"))
        #expect(
            check(header + "2026-03-02,a@x,False,2026-04-02\n")
                == "a.csv:2:22: activity.dates[0] is after today (2026-04-01)")
        #expect(
            check(header + "2026-05-02,a@x,False,\n")
                == "a.csv:2:1: report refresh date is after today (2026-04-01)")
        #expect(check(header + "2026-03-02,,False,\n") == "a.csv:2:12: user principal name is empty")
        #expect(
            check("Report Refresh Date,User Principal Name\n2026-03-02,a@x\n").hasPrefix(
                "a.csv:1: the header has no known column"))
        #expect(
            check(header + "2026-03-02,jäger@x,False,2026-03-01\n")
                == "a.csv:2:12: user principal name may contain only visible ASCII characters")
    }

    @Test func `an empty report reports nothing`() throws {
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\r\n"
        let (collected, inspection) = try run(.graphActiveUsers, [input(header)], options())
        #expect(collected.batches.isEmpty)
        #expect(inspection.coverage.isEmpty)
        #expect(inspection.report.notes == ["input has no rows: the report of that day is empty"])
    }

    @Test func `deleted people keep their name`() {
        let prefix = "0123456789abcdef0123456789abcdef"
        #expect(GraphActiveUsersImporter.userID(prefix + "a@x", isDeleted: true) == "a@x")
        #expect(GraphActiveUsersImporter.userID(prefix + "a@x", isDeleted: false) == prefix + "a@x")
        #expect(GraphActiveUsersImporter.userID(prefix, isDeleted: true) == prefix)
        #expect(GraphActiveUsersImporter.userID(prefix + "@x", isDeleted: true) == prefix + "@x")
    }
}
