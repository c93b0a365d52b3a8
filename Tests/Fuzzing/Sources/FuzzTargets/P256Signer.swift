import COpenSSL

/// Signs as an issuer of tokens does (ES256). Unchecked: the key is set once and only read.
final class P256Signer: @unchecked Sendable {
    /// EVP_PKEY, as long as the process.
    private let key: OpaquePointer
    /// Both coordinates, 32 bytes each.
    let publicPoint: [UInt8]

    /// An ECPrivateKey (RFC 5915) of P-256 without its public half, which the library works out.
    init(secret: [UInt8]) {
        let der: [UInt8] =
            [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20] + secret
            + [0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        let made = der.withUnsafeBufferPointer { der in
            var cursor = der.baseAddress
            return d2i_PrivateKey(EVP_PKEY_EC, nil, &cursor, der.count)
        }
        guard let made else { broken("a key") }
        key = made
        var point = [UInt8](repeating: 0, count: 65)
        var count = 0
        require(
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, &point, point.count, &count) == 1
                && count == 65 && point[0] == 4, "an uncompressed point")
        publicPoint = Array(point.dropFirst())
    }

    /// The two numbers, 32 bytes each.
    func signature(of message: [UInt8]) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var der = [UInt8](repeating: 0, count: 80)
        var count = der.count
        require(
            EVP_DigestSignInit_ex(context, nil, "SHA256", nil, nil, key, nil) == 1
                && EVP_DigestSign(context, &der, &count, message, message.count) == 1, "a signature")
        // SEQUENCE { INTEGER r, INTEGER s }, every length one byte.
        let first = Int(der[3])
        return Self.number(der[4..<4 + first]) + Self.number(der[(6 + first)..<count])
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        let digits = digits.drop { $0 == 0 }
        return [UInt8](repeating: 0, count: 32 - digits.count) + digits
    }
}
