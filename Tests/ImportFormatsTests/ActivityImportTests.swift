import InsightsAPI
import Testing

@testable import ImportFormats

@Suite struct ActivityImportTests {
    private let header = "Report Refresh Date,User Principal Name,Display Name,Teams Last Activity Date\n"

    private func activities(_ collected: Collected) -> [PBActivityFact] {
        collected.facts.compactMap { if case .activity(let fact) = $0.fact { fact } else { nil } }
    }

    private func users(_ collected: Collected) -> [PBUserFact] {
        collected.facts.compactMap { if case .user(let fact) = $0.fact { fact } else { nil } }
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
        // The refresh day of the newest report, not today; of the workloads that it has a column for.
        #expect(inspection.coverage.map(\.through) == ["2026-03-09"])
        #expect(inspection.coverage.map(\.workloadCodes) == [["EXO", "SFB", "SPO", "TEAMS", "YAM"]])
        // What looks like a digest among names that are shown is a name.
        #expect(!activities.contains { $0.concealed })
        #expect(inspection.report.rows == 8)
    }

    @Test func `bad rows of an activity report`() {
        let header = "Report Refresh Date,User Principal Name,Is Deleted,Teams Last Activity Date\n"
        let check = { (text: String) in problem(.graphActiveUsers, [input(text, name: "a.csv")], options()) }
        #expect(
            check(header + "2026-03-02,a@x,False,3/1/2026\n").hasPrefix(
                "a.csv:2:22: teams last activity date “3/1/2026” is a date by locale"))
        #expect(
            check(header + "2026-03-02,a@x,False,2026-04-02\n")
                == "a.csv:2:22: activity.dates[0] is after today (2026-04-01)")
        #expect(
            check(header + "2026-05-02,a@x,False,\n")
                == "a.csv:2:1: report refresh date is after today (2026-04-01)")
        #expect(
            check("Report Refresh Date,User Principal Name\n2026-03-02,a@x\n").hasPrefix(
                "a.csv:1: the header has no known"))
        #expect(
            check("Report Refresh Date,User Principal Name,Send Count\n2026-03-02,a@x,3\n")
                == "a.csv:1: this is the report getEmailActivityUserDetail, which is not imported")
    }

    @Test func `a concealed report names nobody, in either form of its digests`() throws {
        let digests = ["8C8D357B5E872BBACD45197626BD5759", "8c8d357b-5e87-2bba-cd45-197626bd5759"]
        for digest in digests {
            let rows = "2026-03-02,\(digest),A77B4F006A4994D245A12247B8E4082C,2026-03-01\n2026-03-02,,,2026-03-01\n"
            let (collected, inspection) = try run(.graphActiveUsers, [input(header + rows)], options())
            #expect(activities(collected).map(\.userID) == ["8c8d357b5e872bbacd45197626bd5759"])
            #expect(activities(collected).map(\.concealed) == [true])
            #expect(users(collected).isEmpty)
            #expect(inspection.report.notes.contains { $0.hasPrefix("1 row has a concealed name") })
        }
    }

    @Test func `names are concealed in a whole report or not at all`() throws {
        let digest = "8c8d357b5e872bbacd45197626bd5759"
        let concealed = "2026-03-01,\(digest),,2026-03-01\n"
        let shown = "2026-03-02,ann@x,Ann,2026-03-01\n"
        // The name that tells comes last, so that one look at each row is not enough.
        let mixed = "2026-03-02,\(digest),Robot,2026-03-01\n" + shown
        let flags = { (files: [String]) in
            let inputs = files.map { input(header + $0) }
            return self.activities(try run(.graphActiveUsers, inputs, options()).0).map(\.concealed)
        }
        #expect(try flags([concealed]) == [true])
        #expect(try flags([mixed]) == [false, false])
        // Two reports, in one file and in two.
        #expect(try flags([concealed + shown]) == [true, false])
        #expect(try flags([concealed + mixed]) == [true, false, false])
        #expect(try flags([concealed.replacing("03-01,8", with: "03-02,8"), shown]) == [true, false])
        let (collected, inspection) = try run(.graphActiveUsers, [input(header + mixed)], options())
        #expect(users(collected).map(\.userID) == [digest, "ann@x"])
        #expect(
            inspection.report.notes == [
                "names that look like digests stand beside names that are shown: they count as names"
            ])
    }

    @Test func `the mark of deleted people is taken off before anything else`() throws {
        let mark = "0123456789abcdef0123456789ABCDEF"
        let rows = ["\(mark)Ann@X", "ann@x", "\(mark)", "\(mark)@x"].map { "2026-03-02,\($0),,2026-03-01\n" }
        let (collected, _) = try run(.graphActiveUsers, [input(header + rows.joined())], options())
        let lower = mark.lowercased()
        #expect(activities(collected).map(\.userID) == ["ann@x", "ann@x", lower, "\(lower)@x"])
        #expect(!activities(collected).contains { $0.concealed })
    }

    @Test func `rows of nobody and names too long keep nobody else out`() throws {
        let long = String(repeating: "n", count: 300)
        let rows = [
            "2026-03-02,ann@x,Ann,2026-03-01", "2026-03-02,,,2026-03-01", "2026-03-02, (unknown) ,,2026-03-01",
            "2026-03-02,\(long)@x,Ben,2026-03-01", "2026-03-02,cas@x,\(long),2026-03-01",
            "2026-03-02,Jäger@x,,2026-03-01",
        ]
        let file = input(header + rows.joined(separator: "\n"), name: "a.csv")
        let (collected, inspection) = try run(.graphActiveUsers, [file], options())
        #expect(activities(collected).map(\.userID) == ["ann@x", "cas@x", "j%c3%a4ger@x"])
        #expect(users(collected).map(\.userID) == ["ann@x"])
        #expect(
            inspection.report.leftOut.map { "\($0.count) \($0.reason) \($0.places.map(\.position.line))" } == [
                "2 a row that names nobody [3, 4]", "1 a sign-in name that no id can hold [5]",
                "1 a name that is longer than names may be [6]",
            ])
        #expect(
            problem(.graphActiveUsers, [file], options { $0.strict = true })
                == "a.csv:3:12: a row that names nobody: --strict refuses it and 3 more")
    }

    @Test func `each workload is covered as far as the reports with its column reach`() throws {
        let newer = "Report Refresh Date,User Principal Name,Exchange Last Activity Date\n2026-03-20,a@x,\n"
        let older =
            "Report Refresh Date,User Principal Name,Exchange Last Activity Date,OneDrive Last Activity Date,"
            + "Copilot Last Activity Date\n2026-03-10,a@x,,,2026-03-09\n"
        let (_, inspection) = try run(.graphActiveUsers, [input(newer), input(older)], options())
        #expect(inspection.coverage.map(\.through) == ["2026-03-10", "2026-03-20"])
        #expect(inspection.coverage.map(\.workloadCodes) == [["SPO"], ["EXO"]])
        #expect(
            inspection.report.leftOut.map(\.reason) == ["column “copilot last activity date” is of no covered workload"]
        )
        #expect(inspection.report.leftOut.map(\.isFault) == [false])
    }

    @Test func `of Yammer and Viva Engage the later day counts`() throws {
        let header =
            "Report Refresh Date,User Principal Name,Yammer Last Activity Date,Viva Engage Last Activity Date\n"
        let rows =
            "2026-03-20,a@x,2026-01-01,2026-03-02\n2026-03-20,b@x,2026-03-03,2026-01-01\n2026-03-20,c@x,,2026-03-04\n"
        let (collected, _) = try run(.graphActiveUsers, [input(header + rows)], options())
        #expect(activities(collected).map(\.dates) == [["2026-03-02"], ["2026-03-03"], ["2026-03-04"]])
        #expect(activities(collected).allSatisfy { $0.workloadCode == "YAM" })
        let bad = header + "2026-03-20,a@x,2026-03-02,March\n"
        #expect(problem(.graphActiveUsers, [input(bad)], options()).hasPrefix("input:2:27: viva engage last"))
    }

    @Test func `a report without rows reports the day that is given`() throws {
        let empty = input(header)
        let (collected, inspection) = try run(.graphActiveUsers, [empty], options())
        #expect(collected.facts.map(\.coverage.through) == ["2026-03-31"])
        #expect(inspection.coverage.map(\.workloadCodes) == [["TEAMS"]])
        let undated = try run(.graphActiveUsers, [empty], options { $0.date = nil }).1
        #expect(undated.coverage.isEmpty)
        #expect(undated.report.notes == ["input has no rows: say with --date up to which day it reports"])
        let list = try run(.graphActiveUsers, [input(#"{"value":[]}"#)], options()).1
        #expect(list.coverage.isEmpty)
        #expect(
            list.report.notes == ["input has no rows, and JSON without rows does not say of which workloads it is"])
    }

    @Test func `rows of JSON mean what rows of CSV do`() throws {
        let digest = "8c8d357b5e872bbacd45197626bd5759"
        let rows = [
            #"{"reportRefreshDate":"2026-03-20","userPrincipalName":"\#(digest)","yammerLastActivityDate":null}"#,
            #"{"reportRefreshDate":"2026-03-19","userPrincipalName":"","vivaEngageLastActivityDate":"2026-03-02"}"#,
            #"{"reportRefreshDate":"2026-03-20","userPrincipalName":"\#(digest)","#
                + #""yammerLastActivityDate":"2026-01-01","#
                + #""vivaEngageLastActivityDate":"2026-03-02","copilotLastActivityDate":"2026-03-02"}"#,
        ]
        let (collected, inspection) = try run(
            .graphActiveUsers, [input("[\(rows.joined(separator: ",\n"))]")], options())
        #expect(activities(collected).map(\.dates) == [["2026-03-02"]])
        #expect(activities(collected).map(\.concealed) == [true])
        #expect(inspection.coverage.map(\.through) == ["2026-03-20"])
        #expect(inspection.coverage.map(\.workloadCodes) == [["YAM"]])
        #expect(
            inspection.report.leftOut.map { "\($0.reason) \($0.places.map(\.position.line))" } == [
                "a row that names nobody [2]", "column “copilotlastactivitydate” is of no covered workload []",
            ])
        let nameless = input(#"[{"reportRefreshDate":"2026-03-20","teamsLastActivityDate":"2026-03-02"}]"#)
        #expect(
            problem(.graphActiveUsers, [nameless], options())
                == "input: no row has the column “user principal name”")
    }
}
