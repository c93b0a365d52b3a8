import Foundation
import Outgoing

/// Addresses that answers hold.
enum Link {
    /// The address that a text means where it stands in the answer of another one: whole, or relative to it (RFC 3986,
    /// 4.2). What an address cannot hold is escaped. Nil for what is no https address.
    static func address(_ text: String, from base: HTTPSAddress) -> HTTPSAddress? {
        var text = text
        if !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            text = text.utf8.map { byte in
                if byte > 0x20 && byte < 0x7F { return String(UnicodeScalar(byte)) }
                let digits = String(byte, radix: 16, uppercase: true)
                return "%" + (digits.count == 1 ? "0" : "") + digits
            }.joined()
        }
        if let address = HTTPSAddress(text) { return address }
        guard let origin = URL(string: base.description), let url = URL(string: text, relativeTo: origin) else {
            return nil
        }
        return HTTPSAddress(url.absoluteString)
    }
}
