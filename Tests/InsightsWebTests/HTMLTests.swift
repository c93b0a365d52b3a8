import Foundation
import Testing

@testable import InsightsWeb

struct HTMLTests {
    /// Names that would be something else than text if they could.
    static let hostile = [
        "<script>alert(1)</script>", "\" onload=\"alert(1)", "' onclick='x", "</title><script>", "<!--", "-->", "&lt;",
        "a\u{0}b", "\u{1B}[31m", "]]>", "javascript:alert(1)", "<svg/onload=x>", "`${x}`", "\u{FFFE}",
    ]

    @Test(arguments: hostile) func textStaysText(_ name: String) {
        var html = HTML()
        html.put(.p, .title(name), text: name)
        let text = html.text
        #expect(text.hasPrefix("<p title=\"") && text.hasSuffix("</p>"))
        let inner = text.dropFirst(10).dropLast(4)
        #expect(!inner.contains("<") && inner.filter { $0 == "\"" }.count == 1 && !inner.contains("'"))
        #expect(inner.filter { $0 == ">" }.count == 1)
        #expect(text.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
    }

    @Test func whatIsEscapedReadsTheSame() {
        var html = HTML()
        html.write("Käse & <b>\"Söhne\"</b> 'x' 日本 🧀\nnew\tline")
        #expect(
            html.text
                == "Käse &amp; &lt;b&gt;&quot;Söhne&quot;&lt;/b&gt; &#39;x&#39; 日本 🧀\nnew\tline")
    }

    /// What turns the text behind it is shown as a mark; marks of direction in names are not touched.
    @Test func overridesOfDirectionAreNoMore() {
        for scalar in [0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069] {
            guard let scalar = Unicode.Scalar(scalar) else { continue }
            var html = HTML()
            html.write("a\(Character(scalar))b")
            #expect(html.text == "a\u{FFFD}b")
        }
        for text in ["\u{200E}", "\u{200F}", "שלום", "–", "…", "\u{2065}", "\u{2029}"] {
            var html = HTML()
            html.write(text)
            #expect(html.text == text)
        }
    }

    @Test func elementsAndAttributes() {
        var html = HTML()
        html.put(.div, .class("a"), .flag("hidden", if: false), nil, .flag("open")) { html in
            html.put(.br)
            html.put(.input, .name("q"), .value("1 < 2"))
            html.put(.path, .with("d", "M0 0"))
        }
        #expect(
            html.text
                == "<div class=\"a\" open><br><input name=\"q\" value=\"1 &lt; 2\"><path d=\"M0 0\"></path></div>")
    }

    @Test func linksStayOnThisServer() {
        #expect(Link().text == "/")
        #expect(Link("customers", "a b/ö").text == "/customers/a%20b%2F%C3%B6")
        #expect(Link("customers", query: [("name", "a&b=c"), ("x", "")]).text == "/customers?name=a%26b%3Dc&x=")
        #expect(Link.here([]).text == "?" && Link.here([("lang", "nl")]).text == "?lang=nl")
        #expect(Link.place("main").text == "#main")
        for evil in ["//evil.example", "javascript:alert(1)", "..", "\\\\evil", "https://evil.example"] {
            let text = Link(evil).text
            #expect(text.hasPrefix("/") && !text.hasPrefix("//") && !text.contains(":") && !text.contains("\\"))
        }
    }

    @Test func queriesAreDecodedOnce() {
        let query = PageQuery("a=1&b=%2B+x&a=2&c=&d&=e&%C3%A9=%C3%A9&bad=%zz&worse=%ff")
        #expect(query["a"] == "1" && query.values("a") == ["1", "2"])
        #expect(query["b"] == "+ x" && query["c"] == nil && query["d"] == nil && query["é"] == "é")
        #expect(query["bad"] == nil && query["worse"] == nil)
        #expect(query.with(("a", "3"), ("b", nil)).map(\.0).sorted() == ["", "a", "é"])
        #expect(PageQuery(String(repeating: "a=1&", count: 1_000)).items.count <= PageQuery.mostItems)
    }

    @Test func filtersAreQuoted() {
        let query = PageQuery(
            "name=a%22+AND+sold%3E0&usage_below=40%2C5&sold_from=10&market=NL&filter=active_users+%3E+1")
        let conditions = [
            #"customer_name:"a\" AND sold>0""#, #"market="NL""#, #"usage < "40.5""#, #"sold >= "10""#,
            "active_users > 1",
        ]
        #expect(CustomersPage.filter(query, .dutch) == conditions.joined(separator: " AND "))
        #expect(CustomersPage.filter(PageQuery("usage_below=1,5"), .english) == #"usage < "1,5""#)
    }
}
