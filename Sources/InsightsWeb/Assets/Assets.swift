import RPCEngine

/// The style sheet, the script and the icon of the pages: in the binary, under names that change with their content,
/// so that browsers keep them.
struct Assets: Sendable {
    struct Asset: Sendable {
        /// `app.0123456789abcdef.css`
        let name: String
        let type: String
        let body: [UInt8]
        /// By gzip; nil where it cannot be done.
        let packed: [UInt8]?

        var link: Link { Link("assets", name) }

        init(_ name: String, _ suffix: String, type: String, _ body: [UInt8]) {
            self.name = "\(name).\(Self.hash(body)).\(suffix)"
            (self.type, self.body, packed) = (type, body, Gzip.deflate(body))
        }

        /// FNV-1a with 64 bits: it tells versions of our own files apart, and nothing else hangs on it.
        private static func hash(_ bytes: [UInt8]) -> String {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            let text = String(hash, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
    }

    let style = Asset("app", "css", type: "text/css; charset=utf-8", PackageResources.app_css)
    let script = Asset("app", "js", type: "text/javascript; charset=utf-8", PackageResources.app_js)
    let icon = Asset("icon", "svg", type: "image/svg+xml", PackageResources.icon_svg)

    var all: [Asset] { [style, script, icon] }

    /// For anybody: nothing of a partner is in them.
    func response(to request: WebRequest) -> WebResponse? {
        guard let asset = all.first(where: { $0.name == request.variables["name"] }) else { return nil }
        var response = WebResponse(status: 200, headers: [("content-type", asset.type)], body: asset.body)
        if request.head.takesGzip, let packed = asset.packed {
            response.body = packed
            response.headers += WebResponse.packing
        }
        response.headers.append(("cache-control", "public, max-age=31536000, immutable"))
        response.headers += WebResponse.protection.filter { $0.0 != "cache-control" }
        return response
    }
}
