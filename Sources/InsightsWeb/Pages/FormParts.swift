import InsightsAPI

/// Fields of forms, which are all sent by GET: what is seen has an address.
extension PageView {
    func form(_ html: inout HTML, _ link: Link, content: (inout HTML) -> Void) {
        html.put(.form, .class("filters"), .action(link), .with("method", "get"), content: content)
    }

    /// A field with its label above it. Ids are the names: a page has one form.
    func input(
        _ html: inout HTML, _ name: String, _ label: String, type: StaticString = "text", value: String? = nil,
        extra: Attribute?...
    ) {
        html.put(.div, .class("field")) { html in
            html.put(.label, .for("f-\(name)"), text: label)
            html.put(
                .input, .id("f-\(name)"), .name(name), .type(type), .value(value ?? query[name] ?? ""),
                extra.first ?? nil, extra.dropFirst().first ?? nil, extra.dropFirst(2).first ?? nil)
        }
    }

    func dayInput(_ html: inout HTML, _ name: String, _ label: String, value: String? = nil) {
        input(&html, name, label, type: "date", value: value, extra: .with("min", "1970-01-01"))
    }

    /// - Parameter chosen: what holds where the query says nothing.
    func select(
        _ html: inout HTML, _ name: String, _ label: String, _ options: [(String, String)], chosen: String = ""
    ) {
        let now = query[name] ?? chosen
        html.put(.div, .class("field")) { html in
            html.put(.label, .for("f-\(name)"), text: label)
            html.put(.select, .id("f-\(name)"), .name(name)) { html in
                for (value, text) in options {
                    html.put(.option, .value(value), .flag("selected", if: value == now), text: text)
                }
            }
        }
    }

    func productSelect(_ html: inout HTML) {
        let products = [PBProduct.office365, .dynamics365].map { ($0.code, $0.title) }
        select(&html, "product", words.productLabel, [("", words.allProducts)] + products)
    }

    func scopeSelect(_ html: inout HTML) {
        select(&html, "scope", words.scope, [("all", words.scopeAll), ("own", words.scopeOwn)], chosen: "all")
    }

    func submit(_ html: inout HTML, _ text: String) {
        html.put(.div, .class("field buttons")) {
            $0.put(.button, .type("submit"), .class("button"), text: text)
        }
    }

    /// Keeps what another form of the page chose.
    func hidden(_ html: inout HTML, _ names: String...) {
        for name in names {
            if let value = query[name] { html.put(.input, .type("hidden"), .name(name), .value(value)) }
        }
    }

    /// The customer that a page is about stays chosen when its form is sent.
    func customerField(_ html: inout HTML, _ customer: PBCustomer?) {
        if customer != nil { hidden(&html, "customer") }
    }
}
