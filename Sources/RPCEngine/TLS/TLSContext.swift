import COpenSSL

/// One loaded set of certificates: the context for new handshakes and the store that judges client chains.
/// Unchecked: everything is set up in `init`; OpenSSL locks and counts inside for use from several threads.
final class TLSContext: @unchecked Sendable {
    let generation: UInt64
    let requestsClientCertificate: Bool
    /// SSL_CTX, owned.
    private let context: OpaquePointer
    /// X509_STORE, owned.
    private let store: OpaquePointer
    private let checksRevocation: Bool
    /// Of what was loaded: see ``Server/tlsExpiries``.
    private(set) var expiries: [TLSExpiry] = []
    /// What operators should know of the files, though they are in force.
    private(set) var remarks: [EngineEvent] = []

    init(_ configuration: TLSConfiguration, generation: UInt64) throws(EngineError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw .tls(file: "-", reason: TLSContext.lastError())
        }
        guard let store = X509_STORE_new() else {
            SSL_CTX_free(context)
            throw .tls(file: "-", reason: TLSContext.lastError())
        }
        self.context = context
        self.store = store
        self.generation = generation
        requestsClientCertificate = configuration.clientCAPEM != nil
        checksRevocation = configuration.crlPEM != nil
        // From here on deinit frees both, also when a step below throws.
        ERR_clear_error()
        engine_ctx_harden(context)
        if configuration.offersHTTP1 { engine_ctx_offer_http1(context) }
        let minimum = configuration.minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard engine_ctx_set_versions(context, minimum) == 1,
            SSL_CTX_set_ciphersuites(context, TLSContext.suites13) == 1,
            SSL_CTX_set_cipher_list(context, TLSContext.suites12) == 1,
            engine_ctx_set_groups(context, "X25519:P-256:P-384") == 1
        else { throw .tls(file: "-", reason: TLSContext.lastError()) }
        try loadIdentity(configuration)
        if let path = configuration.clientCAPEM {
            try loadAuthorities(path)
            remarks = TLSContext.settleAuthorities(store, of: path).map { .authorityAlone($0) }
            engine_ctx_request_client_certificate(context)
        }
        if let path = configuration.crlPEM {
            guard requestsClientCertificate else {
                throw .tls(file: path, reason: "a revocation list needs a client CA")
            }
            try loadRevocations(path)
        }
    }

    deinit {
        SSL_CTX_free(context)
        X509_STORE_free(store)
    }

    private static let suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let suites12 = "ECDHE+AESGCM:ECDHE+CHACHA20"

    private func loadIdentity(_ configuration: TLSConfiguration) throws(EngineError) {
        guard SSL_CTX_use_certificate_chain_file(context, configuration.certificateChainPEM) == 1 else {
            throw .tls(file: configuration.certificateChainPEM, reason: TLSContext.lastError())
        }
        guard SSL_CTX_use_PrivateKey_file(context, configuration.keyPEM, SSL_FILETYPE_PEM) == 1 else {
            throw .tls(file: configuration.keyPEM, reason: TLSContext.lastError())
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw .tls(file: configuration.keyPEM, reason: "the key does not belong to the certificate")
        }
        var end: Int64 = 0
        if engine_ctx_certificate_end(context, &end) == 1 {
            expiries.append(TLSExpiry(kind: .serverCertificate, file: configuration.certificateChainPEM, end: end))
        }
    }

    private func loadAuthorities(_ path: String) throws(EngineError) {
        guard let names = engine_name_list_new() else { throw .tls(file: path, reason: TLSContext.lastError()) }
        var kept = false
        defer { if !kept { engine_name_list_free(names) } }
        try TLSContext.readAuthorities(path, into: store) { engine_name_list_add(names, $0) == 1 }
        SSL_CTX_set_client_CA_list(context, names)
        kept = true
    }

    /// One line for each certificate of a file of client authorities that is not what it is taken for. Throws when the
    /// file cannot be used.
    static func remarksOnAuthorities(_ path: String) throws(EngineError) -> [String] {
        guard let store = X509_STORE_new() else { throw .tls(file: path, reason: lastError()) }
        defer { X509_STORE_free(store) }
        try readAuthorities(path, into: store) { _ in true }
        return settleAuthorities(store, of: path)
    }

    private static func readAuthorities(
        _ path: String, into store: OpaquePointer, each: (OpaquePointer) -> Bool
    ) throws(EngineError) {
        var added = 0
        try readPEM(path, read: { engine_read_certificate($0) }) { certificate in
            defer { X509_free(certificate) }
            guard X509_STORE_add_cert(store, certificate) == 1, each(certificate) else { return false }
            added += 1
            return true
        }
        guard added > 0 else { throw .tls(file: path, reason: "no certificate in it") }
    }

    /// Makes ends of chains of the issuing authorities whose issuers are not in the store, and tells of them and of
    /// certificates that are no authority.
    private static func settleAuthorities(_ store: OpaquePointer, of path: String) -> [String] {
        var remarks: [String] = []
        for index in 0..<engine_store_count(store) {
            var subject = [CChar](repeating: 0, count: 256)
            let kind = engine_settle_authority(store, index, &subject, Int32(subject.count))
            let name = "\(path): \(subject.withUnsafeBufferPointer(TLSContext.visible))"
            switch kind {
            case ENGINE_ANCHOR:
                remarks.append(
                    "\(name) is an issuing authority whose own issuer is not in the file: client certificates that it "
                        + "issued are accepted, those of its issuer's other authorities are not, and whether it is "
                        + "revoked itself cannot be checked")
            case ENGINE_NO_AUTHORITY:
                remarks.append("\(name) is no authority: no client certificate is accepted for it")
            default: break
            }
        }
        ERR_clear_error()
        return remarks
    }

    /// A text of a certificate for a log line: visible ASCII alone.
    private static func visible(_ text: UnsafeBufferPointer<CChar>) -> String {
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private func loadRevocations(_ path: String) throws(EngineError) {
        var read = 0
        var forged = false
        // Of several lists of one authority the newest counts.
        var ends: [UInt64: Int64] = [:]
        try TLSContext.readPEM(path, read: { engine_read_crl($0) }) { list in
            defer { X509_CRL_free(list) }
            read += 1
            if let reason = engine_crl_unusable(list) {
                // Left out: whoever has no other list of that authority is refused.
                remarks.append(
                    .revocationListUnusable("\(path): a revocation list is left out: \(String(cString: reason))"))
                return true
            }
            guard X509_STORE_add_crl(store, list) == 1 else { return false }
            var (issuer, end): (UInt64, Int64) = (0, .max)
            // A list without an end stays in force.
            if engine_crl_end(list, &issuer, &end) != 1 { end = .max }
            ends[issuer] = max(ends[issuer] ?? .min, end)
            forged = forged || engine_crl_is_forged(store, list) == 1
            return true
        }
        // In force it would end every call of that authority's clients: better the list of before.
        guard !forged else { throw .tls(file: path, reason: "a revocation list is not signed by its issuer") }
        guard read > 0 else { throw .tls(file: path, reason: "no revocation list in it") }
        if let end = ends.values.min(), end != .max {
            expiries.append(TLSExpiry(kind: .revocationList, file: path, end: end))
        }
    }

    /// Reads PEM blocks to the end of the file; a broken block is an error, never the end.
    private static func readPEM(
        _ path: String, read: (OpaquePointer) -> OpaquePointer?, add: (OpaquePointer) -> Bool
    ) throws(EngineError) {
        ERR_clear_error()
        guard let file = engine_open_file(path) else { throw .tls(file: path, reason: lastError()) }
        defer { BIO_free(file) }
        while let item = read(file) {
            guard add(item) else { throw .tls(file: path, reason: lastError()) }
        }
        guard engine_pem_ended() == 1 else { throw .tls(file: path, reason: lastError()) }
        ERR_clear_error()
    }

    /// A new server-side SSL for an accepted socket; nil when memory is short.
    func makeSSL(fd: Int32) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        guard SSL_set_fd(ssl, fd) == 1 else {
            SSL_free(ssl)
            return nil
        }
        SSL_set_accept_state(ssl)
        engine_count_handshake_messages(ssl)
        return ssl
    }

    /// Judges a client's chain at a moment (Unix seconds). Whatever cannot be checked has failed.
    func verify(_ chain: PeerChain, at moment: Int64) -> PeerCertificate.Verification {
        guard requestsClientCertificate else {
            return .failed(reason: "no client authority is configured")
        }
        let error = engine_verify_client(store, chain.leaf, chain.untrusted, moment, checksRevocation ? 1 : 0)
        switch error {
        case X509_V_OK: return .trusted
        case X509_V_ERR_CERT_HAS_EXPIRED: return .expired
        default:
            let reason = X509_verify_cert_error_string(Int(error)).map { String(cString: $0) }
            return .failed(reason: reason ?? "verification failed")
        }
    }

    /// The newest entry of OpenSSL's error queue of this thread, which it empties.
    static func lastError() -> String {
        let error = ERR_peek_last_error()
        ERR_clear_error()
        guard error != 0 else { return "no reason given" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            // Always ends with a zero byte within the given size.
            ERR_error_string_n(error, buffer.baseAddress, 256)
            guard let base = buffer.baseAddress else { return "" }
            return String(cString: base)
        }
    }
}
