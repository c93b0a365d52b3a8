/// The elements that the pages are made of. There is no `script` with content and no `style`.
enum Tag: String, Sendable {
    case a, abbr, article, aside, bdi, body, br, button, caption, code, dd, details, div, dl, dt, em, fieldset
    case figcaption, figure, footer, form, h1, h2, h3, head, header, html, input, label, legend, li, link, main, meta
    case nav, ol, option, p, script, section, select, small, span, strong, summary, table, tbody, td, tfoot, th, thead
    case time, title, tr, ul
    // SVG
    case svg, desc, g, line, path, rect, text

    var isVoid: Bool {
        switch self {
        case .br, .input, .link, .meta: true
        default: false
        }
    }
}

/// An attribute. Names are of this source; values are escaped, and addresses are links of ours.
struct Attribute: Sendable {
    let name: StaticString
    /// Nil for one that is there or not, such as `required`.
    let value: String?

    private init(_ name: StaticString, _ value: String?) {
        (self.name, self.value) = (name, value)
    }

    static func `class`(_ names: String) -> Attribute { Attribute("class", names) }
    static func id(_ id: String) -> Attribute { Attribute("id", id) }
    static func href(_ link: Link) -> Attribute { Attribute("href", link.text) }
    /// Where an issuer ends its sessions, as its own metadata has it: the one address that is not ours.
    static func issuer(_ address: String) -> Attribute? {
        address.hasPrefix("https://") ? Attribute("href", address) : nil
    }
    static func src(_ link: Link) -> Attribute { Attribute("src", link.text) }
    static func action(_ link: Link) -> Attribute { Attribute("action", link.text) }
    static func name(_ name: String) -> Attribute { Attribute("name", name) }
    static func value(_ value: String) -> Attribute { Attribute("value", value) }
    static func lang(_ code: String) -> Attribute { Attribute("lang", code) }
    static func title(_ text: String) -> Attribute { Attribute("title", text) }
    static func content(_ text: String) -> Attribute { Attribute("content", text) }
    static func `for`(_ id: String) -> Attribute { Attribute("for", id) }

    /// Any other with a value. Addresses, styles and scripts have no place here.
    static func with(_ name: StaticString, _ value: String) -> Attribute { Attribute(name, value) }
    /// Any other without one.
    static func flag(_ name: StaticString) -> Attribute { Attribute(name, nil) }
    static func flag(_ name: StaticString, if condition: Bool) -> Attribute? {
        condition ? Attribute(name, nil) : nil
    }
}

extension Attribute {
    static func type(_ name: StaticString) -> Attribute { with("type", "\(name)") }
    static func rel(_ name: StaticString) -> Attribute { with("rel", "\(name)") }
    static func role(_ name: StaticString) -> Attribute { with("role", "\(name)") }
    static func scope(_ name: StaticString) -> Attribute { with("scope", "\(name)") }
    static func label(_ text: String) -> Attribute { with("aria-label", text) }
    static let hidden = with("aria-hidden", "true")
    static let current = with("aria-current", "page")

    /// A share of the width or height in per cent, with two decimals.
    static func share(_ name: StaticString, _ percent: Double) -> Attribute {
        with(name, Decimal.text(percent, decimals: 2) + "%")
    }

    static func number(_ name: StaticString, _ value: Double) -> Attribute {
        with(name, Decimal.text(value, decimals: 1))
    }
}

/// Numbers for machines, with a point and without the zeros at the end.
enum Decimal {
    static func text(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard let whole = Int64(exactly: scaled) else { return "0" }
        let unit = Int64(scale)
        var text = whole < 0 ? "-" : ""
        text += String(whole.magnitude / unit.magnitude)
        var rest = String(whole.magnitude % unit.magnitude)
        rest = String(repeating: "0", count: max(0, decimals - rest.count)) + rest
        while rest.hasSuffix("0") { rest.removeLast() }
        return rest.isEmpty ? text : text + "." + rest
    }
}
