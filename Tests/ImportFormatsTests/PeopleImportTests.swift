import InsightsAPI
import Testing

@testable import ImportFormats

@Suite struct PeopleImportTests {
    @Test func `users become names and one snapshot per SKU`() throws {
        let withExtra = options { $0.extraSkuIDs = ["4B9405B0-7788-4568-add1-99614e613b69"] }
        let (collected, inspection) = try run(.graphUsers, [try fixture("graph-users.json")], withExtra)
        let facts = collected.batches[0].request.facts
        let users = facts.compactMap { if case .user(let user) = $0.fact { user } else { nil } }
        let ids = (1...3).map { "0b1ec700-0000-4000-8000-00000000000\($0)" }
        #expect(users.map(\.userID) == ids)
        #expect(
            users.map(\.principalName) == [
                "anna@fabrikam.example", "bram@fabrikam.example", "guest_x#ext#@fabrikam.example",
            ])
        #expect(users.map(\.displayName) == ["Anna  Vos", "", "Gast"])
        let snapshots = facts.compactMap { if case .assignmentSnapshot(let fact) = $0.fact { fact } else { nil } }
        #expect(
            snapshots.map(\.skuID) == [
                "4b9405b0-7788-4568-add1-99614e613b69", officeE3, "f30db892-07e9-47e9-837c-80727f46fd3d",
            ])
        #expect(
            snapshots.map(\.userIds) == [
                [], [ids[0], ids[1]], [ids[0]],
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
        #expect(held.map { String($0.userID.suffix(1)) } == ["1", "2", "1"])
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

    @Test func `people are known by their object id, and without one by their sign-in name`() throws {
        let license = #""assignedLicenses":[{"skuId":"\#(officeE3)"}]"#
        let prefix = "0123456789ABCDEF0123456789abcdef"
        let rows = [
            #"{"id":"0B-1","userPrincipalName":"Ann@X","displayName":"Ann",\#(license)}"#,
            #"{"userPrincipalName":"BEN@x","displayName":"Ben",\#(license)}"#,
            #"{"id":"0b-3","userPrincipalName":"\#(prefix)cas@x",\#(license)}"#,
            #"{"id":"0b-4","userPrincipalName":"Jäger@x",\#(license)}"#,
            // On two pages.
            #"{"id":"0b-1","userPrincipalName":"ann@x","displayName":"Ann",\#(license)}"#,
        ]
        let (collected, inspection) = try run(.graphUsers, [input("[\(rows.joined(separator: ","))]")], options())
        let users = collected.facts.compactMap { if case .user(let user) = $0.fact { user } else { nil } }
        #expect(users.map(\.userID) == ["0b-1", "ben@x", "0b-3", "0b-4"])
        #expect(users.map(\.principalName) == ["ann@x", "", "cas@x", "j%c3%a4ger@x"])
        let snapshot = collected.facts.compactMap {
            if case .assignmentSnapshot(let fact) = $0.fact { fact.userIds } else { nil }
        }
        #expect(snapshot == [["0b-1", "0b-3", "0b-4", "ben@x"]])
        #expect(inspection.report.counts.first { $0.name == "users" }?.count == 4)
        #expect(inspection.report.leftOut.isEmpty)
    }

    @Test func `rows of nobody are left out and named, and strictness refuses them`() throws {
        let long = String(repeating: "n", count: 300)
        let rows = [
            #"{"id":"0b-1","userPrincipalName":null,"displayName":"Ghost","assignedLicenses":[]}"#,
            #" {"id":"0b-2","userPrincipalName":"(Unknown)","assignedLicenses":[]}"#,
            #" {"id":"0b-3","userPrincipalName":"ann@x","displayName":"\#(long)","#
                + #""assignedLicenses":[{"skuId":"\#(officeE3)"}]}"#,
        ]
        let file = input("[" + rows.joined(separator: ",\n") + "]", name: "users.json")
        let (collected, inspection) = try run(.graphUsers, [file], options())
        let users = collected.facts.compactMap { if case .user(let user) = $0.fact { user } else { nil } }
        #expect(users.map(\.userID) == ["0b-3"])
        #expect(users.map(\.displayName) == [""])
        #expect(
            inspection.report.leftOut.map(\.reason) == [
                "a row that names nobody", "a name that is longer than names may be",
            ])
        let nobody = try #require(inspection.report.leftOut.first)
        #expect(nobody.count == 2)
        #expect(nobody.places.map(\.position.line) == [1, 2])
        #expect(nobody.places.map(\.text) == ["“Ghost”", "“”"])
        #expect(
            problem(.graphUsers, [file], options { $0.strict = true })
                == "users.json:1:35: a row that names nobody: --strict refuses it and 2 more")
        let nameless = input(#"[{"id":"0b-1","assignedLicenses":[]}]"#)
        #expect(problem(.graphUsers, [nameless], options()).contains("no row has a userPrincipalName; ask for it"))
    }

    @Test func `ten places of a reason are named, the others counted`() throws {
        let rows =
            (0..<25).map { _ in #"{"userPrincipalName":"","assignedLicenses":[]}"# }
            + [#"{"userPrincipalName":"a@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}"#]
        let (_, inspection) = try run(.graphUsers, [input("[\(rows.joined(separator: ",\n"))]")], options())
        #expect(inspection.report.leftOut.map(\.count) == [25])
        #expect(inspection.report.leftOut.first?.places.map(\.position.line) == Array(1...10))
    }

    @Test func `a file without licenses is taken for a fault unless it is said to be none`() throws {
        let users = { (licensed: Int, of: Int) in
            input(
                "["
                    + (0..<of).map { number in
                        let license = number < licensed ? #"{"skuId":"\#(officeE3)"}"# : ""
                        return #"{"userPrincipalName":"u\#(number)@x","assignedLicenses":[\#(license)]}"#
                    }.joined(separator: ",") + "]", name: "users.json")
        }
        let complaint = { (licensed: Int, consumed: Int64) in
            problem(.graphUsers, [users(licensed, 12)], options { $0.consumedUnits = [officeE3: consumed] })
        }
        #expect(problem(.graphUsers, [users(0, 5)], options()).hasPrefix("users.json: nobody in the files holds"))
        #expect(problem(.graphUsers, [input("[]")], options()).contains("--accept-drop"))
        #expect(try run(.graphUsers, [users(0, 5)], options { $0.acceptDrop = true }).1.report.rows == 5)
        #expect(complaint(5, 10) == "no problem")
        #expect(
            complaint(4, 10)
                == "users.json: the files have 4 of the 10 licenses that the directory counts as consumed, "
                + "fewer than half; if people did lose them, say --accept-drop")
        #expect(complaint(5, 11).contains("5 of the 11"))
        #expect(complaint(6, 11) == "no problem")
        // Too few to tell.
        #expect(complaint(1, 9) == "no problem")
        let accepted = options {
            $0.consumedUnits = [officeE3: 100]
            $0.acceptDrop = true
        }
        #expect(try run(.graphUsers, [users(1, 12)], accepted).1.report.rows == 12)
    }

    @Test(arguments: [
        (
            #"[{"skuId":"\#(officeE3)","totalLicenses":1,"status":"Enabled"}]"#,
            "input:1:2: this is Graph's directory/subscriptions: import it as graph-subscriptions"
        ),
        (
            #"[{"skuId":"\#(officeE3)","consumedUnits":1}]"#,
            "input:1:2: this is Graph's subscribedSkus: import it as graph-subscribed-skus"
        ),
        (
            #"[{"reportRefreshDate":"2026-03-01","userPrincipalName":"a@x"}]"#,
            "input:1:2: this is a usage report: import it as graph-active-users"
        ),
    ])
    func `files of another kind are named`(text: String, expected: String) {
        #expect(problem(.graphUsers, [input(text)], options()) == expected)
    }
}
