import Foundation
import Outgoing

/// Addresses that answers hold.
enum Link {
    /// What an address may hold (RFC 3986, 2), escapes among it.
    private static let allowed = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%")

    /// The address that a text means where it stands in the answer of another one: whole, or relative to it (RFC 3986,
    /// 4.2). What an address cannot hold is escaped; whether it is one, and of which host, is looked at afterwards. Nil
    /// for what is no https address, and for a text with a backslash: readers differ about where the host ends.
    static func address(_ text: String, from base: HTTPSAddress) -> HTTPSAddress? {
        guard !text.utf8.contains(UInt8(ascii: "\\")),
            let text = text.addingPercentEncoding(withAllowedCharacters: allowed)
        else { return nil }
        if let address = HTTPSAddress(text) { return address }
        guard let origin = URL(string: base.description), let url = URL(string: text, relativeTo: origin) else {
            return nil
        }
        return HTTPSAddress(url.absoluteString)
    }
}
