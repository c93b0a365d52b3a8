import Testing

/// The rules can fail: each finds what it is there for.
struct RuleTests {
    @Test func commentsAndStringsAreNoCode() {
        let text = #"""
            let a = "try! \(x as! Int) fatalError" // as!
            /* try! /* nested */ still */ let b = #"raw " \(no) "# + """
              try! in text \(unsafeBitCast(1, to: (Int).self))
              """
            let c = b
            """#
        let code = SwiftText.code(of: text)
        #expect(code.count == 5)
        #expect(code[0].contains("x as! Int") && !code[0].contains("try!") && !code[0].contains("fatalError"))
        #expect(code[0].filter { $0 == "!" }.count == 1)
        #expect(code[1].contains("let b") && !code[1].contains("still") && !code[1].contains("no"))
        #expect(code[2].contains("unsafeBitCast(1, to: (Int).self") && !code[2].contains("try!"))
        #expect(code[4].hasSuffix("let c = b"))
    }

    @Test func importsAreRead() {
        let text = """
            import Foundation
            @_spi(Authentication) public import Tenancy
            import struct GRDB.Row
            // import Nothing
            let text = "import Nothing"
            """
        let file = SourceFile(path: "Sources/A/B.swift", text: text, code: SwiftText.code(of: text))
        #expect(ImportTests.imports(of: file) == ["Foundation", "Tenancy", "GRDB"])
    }

    @Test func functionsAreMeasured() {
        let text = """
            struct A {
                func short(
                    _ body: () -> Void = { }
                ) {
                    if true {
                    }
                }

                init() {}
            }
            protocol P {
                func required()
            }
            """
        let found = Functions.all(in: SwiftText.code(of: text))
        #expect(found.map(\.start) == [2, 9] && found.map(\.lines) == [6, 1])
    }

    @Test func documentsAreRead() {
        let text = """
            # A `b`, and c
            See [d](docs/d.md#e), [f](../f) and [g](https://g.example/h). `Sources/A/B.swift`, `C.swift`, `.swift`
            ```
            [no](no.md)
            # no
            ```
            **A rule.** Text with **bold.** words.
            """
        #expect(DocumentTests.links(in: text) == ["docs/d.md#e", "../f"])
        #expect(DocumentTests.anchors(in: text) == ["a-b-and-c"])
        #expect(DocumentTests.files(in: text) == ["Sources/A/B.swift", "C.swift"])
        #expect(DocumentTests.definitions(in: text) == ["A rule"])
    }
}
