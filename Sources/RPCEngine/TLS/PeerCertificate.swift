import COpenSSL

/// A client's certificate, with the verdict on its chain.
public struct PeerCertificate: Sendable {
    public enum Verification: Sendable, Equatable {
        case trusted
        /// A certificate of the chain is past its end: the client's own, or one above it. Never let such a client in.
        case expired
        /// The first thing wrong: a fixed text, OpenSSL's where it found it. Never let such a client in.
        case failed(reason: String)

        public var isTrusted: Bool { self == .trusted }
    }

    /// URI names in order; bytes that are not visible ASCII are written as `%XX`, so that no two spellings are equal.
    public let uriSANs: [String]
    /// Unix seconds, both inclusive.
    public let notBefore: Int64
    public let notAfter: Int64
    /// SHA-256 of the DER form.
    public let fingerprint: [UInt8]
    /// Upper-case hexadecimal.
    public let serial: String
    /// RFC 2253 form, for logs.
    public let subject: String
    public internal(set) var verification: Verification

    let chain: PeerChain
    /// Set when the certificate itself cannot be read; no chain makes up for that.
    private let defect: Verification?

    /// The certificate's canonical DER form, made anew on each call.
    public func derEncoded() -> [UInt8] { chain.derEncoded() }

    init(chain: PeerChain) {
        self.chain = chain
        var names = URINames()
        let count = withUnsafeMutablePointer(to: &names) { pointer in
            // The shim hands each name's bytes to this function while they are valid.
            engine_uri_names(chain.leaf, { PeerCertificate.addName($0, $1, to: $2) }, pointer)
        }
        var defect: Verification?
        if count < 0 || count > PeerCertificate.maximumNames {
            defect = .failed(reason: "unreadable subject alternative name")
        }
        uriSANs = names.names
        var from: Int64 = 0
        var until: Int64 = 0
        if engine_time(X509_get0_notBefore(chain.leaf), &from) != 1
            || engine_time(X509_get0_notAfter(chain.leaf), &until) != 1
        {
            defect = .failed(reason: "unreadable validity")
        }
        notBefore = from
        notAfter = until
        fingerprint = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            // A digest that cannot be made leaves the array empty, and the certificate untrusted below.
            count = engine_sha256(chain.leaf, buffer.baseAddress) == 1 ? 32 : 0
        }
        if fingerprint.isEmpty {
            defect = .failed(reason: "no fingerprint")
        }
        serial = PeerCertificate.text { engine_serial(chain.leaf, $0, $1) }
        subject = PeerCertificate.text { engine_subject(chain.leaf, $0, $1) }
        self.defect = defect
        verification = defect ?? .failed(reason: "not verified yet")
    }

    mutating func verify(with tls: TLSContext, at moment: Int64) {
        verification = defect ?? tls.verify(chain, at: moment)
    }

    private static let maximumNames = 64

    private struct URINames {
        var names: [String] = []
    }

    private static func addName(
        _ bytes: UnsafePointer<UInt8>?, _ length: Int32, to data: UnsafeMutableRawPointer?
    ) {
        // `data` is the URINames that the initializer above passed in.
        guard let data, length >= 0 else { return }
        let names = data.assumingMemoryBound(to: URINames.self)
        guard names.pointee.names.count <= maximumNames else { return }
        names.pointee.names.append(escaped(UnsafeBufferPointer(start: bytes, count: Int(length))))
    }

    private static func escaped(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        if bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return String(decoding: bytes, as: UTF8.self) }
        var output: [UInt8] = []
        for byte in bytes {
            if byte > 0x20, byte < 0x7F {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(contentsOf: String(byte >> 4, radix: 16, uppercase: true).utf8)
                output.append(contentsOf: String(byte & 15, radix: 16, uppercase: true).utf8)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func text(_ fill: (UnsafeMutablePointer<CChar>, Int32) -> Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            // The shim writes at most the given size and returns what it wrote.
            guard let base = buffer.baseAddress else { return "" }
            let length = max(0, min(512, Int(fill(base, 512))))
            return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

/// What the client sent in the handshake, kept to be verified again.
/// Unchecked: the pointers are set once, and OpenSSL's certificates are safe to read from several threads.
final class PeerChain: @unchecked Sendable {
    let leaf: OpaquePointer
    let untrusted: OpaquePointer?

    /// Nil when the client sent no certificate.
    init?(ssl: OpaquePointer) {
        guard let certificate = engine_peer_certificate(ssl) else { return nil }
        leaf = certificate
        untrusted = engine_peer_chain(ssl)
    }

    deinit {
        X509_free(leaf)
        if let untrusted { engine_chain_free(untrusted) }
    }

    /// Memory that it takes, read into structures: some times what was sent.
    var memory: Int { 6 * Int(engine_chain_bytes(leaf, untrusted)) }

    func derEncoded() -> [UInt8] {
        let length = i2d_X509(leaf, nil)
        guard length > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            // i2d advances the pointer it is given and writes exactly the length it announced.
            var cursor = buffer.baseAddress
            count = Int(max(0, i2d_X509(leaf, &cursor)))
        }
    }
}
