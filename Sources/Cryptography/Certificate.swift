import COpenSSL

/// X.509 (RFC 5280), as far as it takes to name a certificate.
public enum Certificate {
    /// The first certificate of a PEM text; nil when there is none or it is malformed.
    public static func der(ofFirstIn pem: [UInt8]) -> [UInt8]? {
        guard PEMText.isReadable(pem) else { return nil }
        return withoutQueuedErrors {
            guard let certificate = crypto_certificate(pem, Int32(pem.count)) else { return nil }
            defer { X509_free(certificate) }
            let length = i2d_X509(certificate, nil)
            guard length > 0 else { return nil }
            return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
                // Writes exactly `length` bytes.
                var cursor = buffer.baseAddress
                count = Int(max(0, i2d_X509(certificate, &cursor)))
            }
        }
    }
}

/// Keys and certificates as text (RFC 7468).
enum PEMText {
    /// Bytes of a text: a chain of certificates with its key has a tenth of it.
    private static let maximumByteCount = 1 << 20

    static func isReadable(_ text: [UInt8]) -> Bool {
        !text.isEmpty && text.count <= maximumByteCount
    }
}
