/// Parts of a whole beside each other, in the order given. Places are shares of the width.
struct StackedBarSVG: Sendable {
    struct Part: Sendable {
        /// Of the style sheet: `c1` to `c8`, `own`, `direct`, `others`, `unknown`.
        let name: String
        let value: Double
        /// Said by the part itself.
        let label: String
        /// In the part, where it has room; or nothing.
        var mark = ""
    }

    let parts: [Part]
    /// What the whole width stands for; the parts may be less.
    let whole: Double
    /// Nil where the numbers stand beside it.
    var title: String?
    var height = 14

    /// Of the width, below which a part has no room for its mark.
    private static let roomForMark = 4.0

    func svg() -> HTML {
        var html = HTML()
        html.put(
            .svg, .class("bar"), .with("width", "100%"), .with("height", "\(height)"),
            title == nil ? .hidden : .role("img"), title.map { .label($0) }
        ) { html in
            html.put(.rect, .class("track"), .with("width", "100%"), .with("height", "100%"))
            var start = 0.0
            for part in parts where part.value > 0 && whole > 0 {
                let width = 100 * part.value / whole
                html.put(.rect, .class(part.name), .share("x", start), .share("width", width), .with("height", "100%"))
                {
                    $0.put(.title, text: part.label)
                }
                if !part.mark.isEmpty, width >= Self.roomForMark {
                    html.put(
                        .text, .class("mark \(part.name)"), .share("x", start + width / 2), .with("y", "50%"),
                        .with("dy", "4"), text: part.mark)
                }
                start += width
            }
        }
        return html
    }
}

/// A percentage: filled up to it, with a line at 100 % where it goes beyond.
struct PercentBarSVG: Sendable {
    let percent: Double
    /// The class of the filling.
    var name = "own"
    /// Between which the percentage lies for certain, where it is an estimate.
    var bounds: (Double, Double)?

    func svg() -> HTML {
        var html = HTML()
        let top = max(100, percent, bounds?.1 ?? 0)
        html.put(.svg, .class("bar"), .with("width", "100%"), .with("height", "6"), .hidden) { html in
            html.put(.rect, .class("track"), .with("width", "100%"), .with("height", "100%"))
            guard percent.isFinite, top.isFinite else { return }
            html.put(.rect, .class(name), .share("width", 100 * max(0, percent) / top), .with("height", "100%"))
            if let (lower, upper) = bounds, upper > lower {
                html.put(
                    .rect, .class("range"), .share("x", 100 * lower / top),
                    .share("width", 100 * (upper - lower) / top),
                    .with("height", "100%"))
            }
            if top > 100 {
                let place = 100 * 100 / top
                html.put(
                    .line, .class("hundred"), .share("x1", place), .share("x2", place), .with("y1", "0"),
                    .with("y2", "100%"))
            }
        }
        return html
    }
}
