import InsightsAPI
import Testing

@testable import ImportFormats

private func user(_ name: String) -> String {
    #"{"userPrincipalName":"\#(name)@x","assignedLicenses":[{"skuId":"\#(officeE3)","disabledPlans":[]}]}"#
}

private func page(_ users: [String], next: Bool = false, more: String = "") -> String {
    let link = next ? #""@odata.nextLink":"https://x/users?$skiptoken=1","# : ""
    return "{\(link)\(more)\"value\":[\(users.map(user).joined(separator: ","))]}"
}

@Suite struct ListFormTests {
    private func holders(_ texts: [String]) throws -> [String] {
        let files = texts.enumerated().map { input($1, name: "p\($0 + 1)") }
        return try run(.graphUsers, files, options()).0.facts.flatMap(\.assignmentSnapshot.userIds)
    }

    private func refusal(_ texts: [String], _ kind: ImportKind = .graphUsers) -> String {
        problem(kind, texts.enumerated().map { input($1, name: "p\($0 + 1)") }, options { $0.partnerID = "p" })
    }

    @Test(arguments: [
        page(["a", "b"]), "[\(user("a")),\(user("b"))]", user("a") + "\n" + user("b") + "\n",
        "[\(page(["a"], next: true)),\(page(["b"]))]", page(["a"], next: true) + page(["b"]),
        page(["a"], next: true) + "\r\n\u{FEFF}" + page(["b"]), "[\(user("a"))]\n[\(user("b"))]",
        "{\"Value\":[\(user("a")),\(user("b"))],\"Count\":2}",
        "{\"items\":[\(user("b")),\(user("a"))],\"totalCount\":2}",
        "[\(user("a")),\(user("b"))]".replacing("userPrincipalName", with: "UserPrincipalName").replacing(
            "assignedLicenses", with: "AssignedLicenses"
        ).replacing("skuId", with: "SkuId"),
        "[\(user("a")),\(user("b"))]".replacing("[{\"sku", with: "{\"sku").replacing("[]}]", with: "[]}"),
        "[\(user("a")),\(user("b"))]".replacing("[{\"sku", with: "{\"value\":[{\"sku").replacing(
            "[]}]", with: "[]}],\"Count\":1}"),
        "[\(user("a")),\(user("b"))]".replacing(
            "{\"userP", with: "{\"DisplayName\":\"D\",\"AdditionalProperties\":{\"userP"
        ).replacing("[]}]}", with: "[]}]}}"),
    ])
    func `every form of a list is read`(text: String) throws {
        #expect(try holders([text]) == ["a@x", "b@x"])
    }

    @Test func `one object stands for a list of one`() throws {
        #expect(try holders([user("a")]) == ["a@x"])
        #expect(try holders(["{\"value\":\(user("a"))}"]) == ["a@x"])
    }

    @Test func `pages are complete in any order, and a missing one is named`() throws {
        let pages = [page(["a"], next: true), page(["b"], next: true), page(["c"])]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            #expect(try holders(order.map { pages[$0] }) == ["a@x", "b@x", "c@x"])
        }
        #expect(refusal([pages[0]]).hasPrefix("p1:1:1: the page after this one is missing"))
        #expect(refusal([pages[0], pages[1]]).hasPrefix("p2:1:1: the page after this one is missing"))
        #expect(refusal(["[\n\(pages[0]),\n\(pages[1])]"]).hasPrefix("p1:2:1: the page after this one is missing"))
        let counted = page(["a"], more: "\"@odata.count\":2,")
        #expect(refusal([counted]).hasPrefix("p1: a page is missing: 1 of 2 items are there"))
        #expect(try holders([counted, page(["b"])]) == ["a@x", "b@x"])
        let rows = #"{"totalCount":2,"items":[{"id":"x","status":"pending"}],"links":{"self":{"uri":"u"}"#
        #expect(refusal([rows + "}}"], .partnerSubscriptions).contains("1 of 2 items"))
        #expect(
            refusal([rows.replacing("2,", with: "1,") + #","next":{"uri":"v"}}}"#], .partnerSubscriptions).contains(
                "the page after this one is missing"))
        let last = rows.replacing("2,", with: "1,") + #","next":null}}"#
        #expect(refusal([last], .partnerSubscriptions) == "no problem")
    }

    @Test(arguments: [
        (#"{"error":{"code":"Authorization_RequestDenied","message":"m"}}"#, "“Authorization_RequestDenied”"),
        (#"{"error":"invalid_grant","error_description":"d"}"#, "“invalid_grant”"),
        (#"{"code":2032,"description":"Access denied","data":[],"source":"PartnerFD"}"#, "“2032”"),
        (#"[{"value":[]},{"error":{"code":"TooManyRequests"}}]"#, "p1:1:15: the file is an error of the API"),
        (#"{"StatusCode":200,"Content":"x","RawContent":"y"}"#, "PowerShell's object of a whole web answer"),
        (#"{"value":"System.Object[]"}"#, "-Depth 10"), (#"["@{Id=1; Name=x}"]"#, "-Depth 10"),
        (
            #"[{"userPrincipalName":"a","assignedLicenses":"Microsoft.Graph.PowerShell.Models.X"}]"#,
            "p1:1:46: assignedLicenses “Microsoft.Graph.PowerShell.Models.X” is what PowerShell leaves of an object"
        ),
        (#"[{"userPrincipalName":"a","assignedLicenses":"@{skuId=1}"}]"#, "ConvertTo-Json -Depth 10"),
        (#"[{"userPrincipalName":"a","assignedLicenses":""}]"#, "ConvertTo-Json -Depth 10"),
        (#"[{"userPrincipalName":"a","assignedLicenses":["System.Collections.Hashtable"]}]"#, "-Depth 10"),
        (#"[{"userPrincipalName":"a","assignedLicenses":{}}]"#, "must be an array, not an object"),
        (#"[{"userPrincipalName":"a","UserPrincipalName":"b","assignedLicenses":[]}]"#, "occurs twice"),
        (#"[{"userPrincipalName":"a","userPrincipalName":"a","assignedLicenses":[]}]"#, "p1:1:27: the key “userPr"),
        (#"[{"skuId":"s","totalLicenses":1}]"#, "import it as graph-subscriptions"),
        (#"[{"reportRefreshDate":"2026-03-02","teamChatMessageCount":1}]"#, "this is the report getTeamsUserActivity"),
        ("id,name\n1,2\n", "p1:1:1: the file is CSV or other text; this needs JSON"),
        ("???[]", "p1:1:1: the file is CSV or other text; this needs JSON"), ("[] x", "here should be the end"),
        (#"{"value":[],"items":[]}"#, "p1:1:13: a second list beside the first"), (" \n", "p1: the file is empty"),
    ])
    func `what is no list of users is named`(text: String, expected: String) {
        let found = refusal([text])
        #expect(found.contains(expected), "\(found)")
    }

    @Test func `numbers in place of names are refused with the way out`() {
        let row = #"[{"id":"x","skuId":"s","status":1,"totalLicenses":1}]"#
        #expect(refusal([row], .graphSubscriptions).hasPrefix("p1:1:33: status is the number 1: PowerShell"))
        #expect(refusal([row], .graphSubscriptions).contains("-EnumsAsStrings"))
    }

    @Test(arguments: [
        (#""\/Date(1768035600000)\/""#, "2026-01-10"), (#""/Date(1768035600000+0100)/""#, "2026-01-10"),
        (#"{"value":"\/Date(1768035600000)\/","DisplayHint":2,"DateTime":"Saturday 10 January 2026"}"#, "2026-01-10"),
        (#"{"value":"2026-01-10T09:00:00Z","DateTime":"Saturday 10 January 2026"}"#, "2026-01-10"),
        (#""/Date(253402300799999)/""#, ""), (#""2026-01-10T09:00:00.1234567Z""#, "2026-01-10"),
        (#""2026-01-10 09:00:00""#, "2026-01-10"),
    ])
    func `dates of PowerShell are read`(value: String, day: String) throws {
        let row = #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1,"nextLifecycleDateTime":\#(value)}]"#
        let facts = try run(.graphSubscriptions, [input(row)], options()).0.facts
        #expect(facts[0].subscription.termEnd == day)
    }

    @Test(arguments: [
        "1/10/2027 12:00:00 AM", "10-01-2027 00:00:00", "10.01.2027", "zondag 10 januari 2027 00:00:00",
        "Sunday, January 10, 2027 12:00:00 AM",
    ])
    func `dates by locale are refused by name`(text: String) {
        let row = #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1,"nextLifecycleDateTime":"\#(text)"}]"#
        let found = refusal([row], .graphSubscriptions)
        #expect(found.hasPrefix("p1:1:85: nextLifecycleDateTime \(text.excerpt) is a date by locale"), "\(found)")
    }

    @Test func `elements, lists and files have limits that are named`() {
        let check = { (text: String, change: (inout ImportOptions) -> Void) in
            problem(.graphUsers, [input(text, name: "p")], options(change))
        }
        let two = "[\(user("a")),\n\(user("b"))]"
        #expect(check(two) { $0.limits.maximumRows = 1 } == "p:2:1: the list has more than 1 elements")
        #expect(check(two) { $0.limits.maximumFileBytes = 10 } == "p: the file is larger than the limit of 10 bytes")
        let long = #"[{"a":"\#(String(repeating: "x", count: (1 << 20) + 1))"}]"#
        #expect(check(long) { _ in } == "p:1:7: the string is longer than 1048576 bytes")
    }

    @Test func `an element is bounded whatever the pieces are`() throws {
        let pieces = (0..<200).map { "{\"a\":\"\(String(repeating: "x", count: 100 + $0))\"}" }
        let text = try TextReader(
            InputFile(name: "f", bytes: Array("[\(pieces.joined(separator: ","))]".utf8)), maximumBytes: 1 << 20)
        var reader = JSONReader(text, maximumDepth: 8, maximumElementBytes: 50)
        // All of it is one piece; the bound holds where another would have to be read.
        #expect(throws: JSONProblem.self) {
            _ = try reader.value(depth: 1)
            try reader.end()
        }
    }

    @Test func `lines and columns hold far into a file`() {
        let users = (0..<3_000).map { user("u\($0)") }.joined(separator: ",\n")
        let found = refusal(["[\n\(users),\n  {\"userPrincipalName\": 7}]"])
        #expect(found.hasPrefix("p1:3002:25: userPrincipalName must"))
    }
}
