import ImportFormats
import Testing

@Suite struct RepeatedKeyTests {
    private func first(_ text: String) -> String? {
        RepeatedKey.first(in: Array(text.utf8), ignoringCaseIn: "people").map { "\($0.line) \($0.path)" }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "1 a"), ("{\"a\":1,\n\n\"b\":{\"c\":[],\n\"c\":2}}", "4 b.c"),
        (#"{"a":[{"b":1},{"b":1,"c":[[{"d":1,"d":1}]]}]}"#, "1 a[1].c[0][0].d"),
        // However it is written.
        (#"{"a":1,"\u0061":2}"#, "1 a"),
        // Case makes a difference but for the one object.
        (#"{"people":{"Ann":1,"ann":2}}"#, "1 people.ann"), (#"{"people":{"x":{"Ann":1,"Ann":2}}}"#, "1 people.x.Ann"),
    ])
    func isFound(_ text: String, _ expected: String) {
        #expect(first(text) == expected)
    }

    @Test(arguments: [
        "{}", "[]", #"{"a":{"a":{"a":[1,1]}},"b":[{"a":1},{"a":1}]}"#, #"{"a":1,"A":2,"Person":{"x":1,"X":2}}"#,
        #"{"people":{"x":{"Ann":1,"ann":2}}}"#, "7", #""a""#,
        // No JSON: whoever reads it says so.
        "", "{", #"{"a":1,"#, #"{"a" 1}"#, #"["a":1,"a":2]"#, "\u{0}",
    ])
    func isNotThere(_ text: String) {
        #expect(first(text) == nil)
    }

    @Test func depthIsBounded() {
        for depth in [10_000, 1_000_000] {
            #expect(first(String(repeating: "[", count: depth)) == nil)
            #expect(first(String(repeating: #"{"a":"#, count: depth)) == nil)
        }
    }
}
