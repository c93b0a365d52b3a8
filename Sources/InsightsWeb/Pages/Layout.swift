import RPCEngine

/// What stands around every page.
struct Layout: Sendable {
    let view: PageView
    let assets: Assets

    private var words: any Words { view.words }

    /// - Parameters:
    ///   - title: of the page, without the product's name.
    ///   - isRefusal: an address may be another partner's secret: nothing of it stands in the page.
    func page(
        title: String, section: Section, isRefusal: Bool = false, _ body: (inout HTML) -> Void
    ) -> HTML {
        var html = HTML(raw: "<!doctype html>\n")
        html.reserve(32_768)
        html.put(.html, .lang(view.language.rawValue)) { html in
            html.put(.head) { head(&$0, title) }
            let revision = view.subject?.revision.map(String.init)
            let customer = view.subject?.customer ?? ""
            html.put(
                .body, revision.map { .with("data-revision", $0) },
                revision == nil || customer.isEmpty ? nil : .with("data-customer", customer)
            ) { html in
                html.put(.a, .class("skip"), .href(.place("main")), text: words.skipToContent)
                banner(&html, section, isRefusal)
                html.put(.main, .id("main"), .with("tabindex", "-1"), content: body)
                footer(&html)
            }
        }
        return html
    }

    private func head(_ html: inout HTML, _ title: String) {
        html.put(.meta, .with("charset", "utf-8"))
        html.put(.title, text: title + " · " + words.product)
        html.put(.meta, .name("viewport"), .content("width=device-width, initial-scale=1"))
        html.put(.meta, .name("color-scheme"), .content("light dark"))
        html.put(.meta, .name("robots"), .content("noindex"))
        html.put(.link, .rel("icon"), .type("image/svg+xml"), .href(assets.icon.link))
        html.put(.link, .rel("stylesheet"), .href(assets.style.link))
        html.put(.script, .src(assets.script.link), .flag("defer"))
    }

    private func banner(_ html: inout HTML, _ section: Section, _ isRefusal: Bool) {
        html.put(.header, .class("banner")) { html in
            html.put(.div, .class("wide")) { html in
                html.put(.a, .class("brand"), .href(Link())) { html in
                    mark(&html)
                    html.put(.span, text: words.product)
                }
                menu(&html, section)
                html.put(.div, .class("tools")) { html in
                    if let caller = view.caller { self.caller(&html, caller) }
                    languages(&html, isRefusal)
                }
            }
        }
    }

    /// The product's mark: three bars, as in `Assets/icon.svg`.
    private func mark(_ html: inout HTML) {
        html.put(
            .svg, .class("logo"), .with("viewBox", "0 0 32 32"), .with("width", "26"), .with("height", "26"), .hidden
        ) {
            $0.put(.rect, .class("l0"), .with("width", "32"), .with("height", "32"), .with("rx", "8"))
            $0.put(
                .rect, .class("l1"), .with("x", "7"), .with("y", "17"), .with("width", "4.5"), .with("height", "8"),
                .with("rx", "1.5"))
            $0.put(
                .rect, .class("l2"), .with("x", "13.75"), .with("y", "12"), .with("width", "4.5"),
                .with("height", "13"), .with("rx", "1.5"))
            $0.put(
                .rect, .class("l3"), .with("x", "20.5"), .with("y", "7"), .with("width", "4.5"), .with("height", "18"),
                .with("rx", "1.5"))
        }
    }

    private func menu(_ html: inout HTML, _ section: Section) {
        let items = Section.allCases.filter { item in item.permission.map(view.may) ?? false }
        guard !items.isEmpty else { return }
        html.put(.nav, .class("menu"), .label(words.menu)) { html in
            html.put(.ul) { html in
                for item in items {
                    html.put(.li) {
                        $0.put(.a, .href(item.link), item == section ? .current : nil, text: item.title(words))
                    }
                }
            }
        }
    }

    private func caller(_ html: inout HTML, _ caller: PageCaller) {
        html.put(.a, .class("caller"), .href(Link("me")), .title(words.me)) { html in
            html.put(.bdi, text: caller.name)
            if !caller.partner.isEmpty { html.put(.bdi, .class("partner"), text: caller.partner) }
        }
        if caller.isSignedIn { html.put(.a, .class("caller"), .href(Link("logout")), text: words.signOut) }
    }

    private func languages(_ html: inout HTML, _ isRefusal: Bool) {
        html.put(.nav, .class("languages"), .label(words.language)) { html in
            for language in PageLanguage.allCases {
                let query = isRefusal ? [("lang", language.rawValue)] : view.query.with(("lang", language.rawValue))
                html.put(
                    .a, .href(.here(query)), .lang(language.rawValue), .with("hreflang", language.rawValue),
                    .title(language.name), language == view.language ? .with("aria-current", "true") : nil
                ) { html in
                    html.put(.span, .hidden, text: language.rawValue.uppercased())
                    html.put(.span, .class("off"), text: language.name)
                }
            }
        }
    }

    private func footer(_ html: inout HTML) {
        html.put(.footer) { html in
            html.put(.div, .class("wide")) { html in
                html.put(.span, text: words.footer)
                html.put(.a, .href(Link("about")), text: words.about)
            }
        }
    }
}
