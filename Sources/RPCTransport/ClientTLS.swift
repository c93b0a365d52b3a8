import COpenSSL

/// The certificates of one transport. Unchecked: set up in `init`; OpenSSL locks and counts inside.
final class ClientTLS: @unchecked Sendable {
    /// SSL_CTX, owned.
    private let context: OpaquePointer

    init(_ configuration: TransportConfiguration) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TransportSetupError(description: "TLS is not available")
        }
        self.context = context
        // From here on deinit frees it, also when a step below throws.
        guard transport_ctx_prepare(context) == 1 else {
            throw TransportSetupError(description: "TLS is not available")
        }
        defer { ERR_clear_error() }
        if let file = configuration.authorityFile {
            guard SSL_CTX_load_verify_file(context, file) == 1 else {
                throw TransportSetupError(description: "“\(file)” holds no certificate authority")
            }
        } else {
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw TransportSetupError(description: "the authorities of the system cannot be read")
            }
        }
        guard let certificate = configuration.certificateFile, let key = configuration.keyFile else { return }
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw TransportSetupError(description: "“\(certificate)” holds no certificate")
        }
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            throw TransportSetupError(description: "“\(key)” holds no key of the certificate")
        }
    }

    deinit { SSL_CTX_free(context) }

    /// The client's end on a socket; nil when memory is short or the name cannot be one.
    func makeSSL(fd: Int32, expecting name: String) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        let isAddress = ResolvedAddress.numeric(name, port: 1) != nil
        guard SSL_set_fd(ssl, fd) == 1, transport_expect(ssl, name, isAddress ? 1 : 0) == 1 else {
            SSL_free(ssl)
            return nil
        }
        SSL_set_connect_state(ssl)
        return ssl
    }

    /// Why the handshake, or reading after it, failed, in words for whoever has to mend it. Empties the error queue.
    static func failure(of ssl: OpaquePointer) -> String? {
        let reason = transport_last_reason()
        switch SSL_get_verify_result(ssl) {
        case Int(X509_V_OK): break
        case Int(X509_V_ERR_HOSTNAME_MISMATCH), Int(X509_V_ERR_IP_ADDRESS_MISMATCH):
            return "the server's certificate is not for this host name"
        case Int(X509_V_ERR_CERT_HAS_EXPIRED): return "the server's certificate has expired"
        case Int(X509_V_ERR_CERT_NOT_YET_VALID): return "the server's certificate is not valid yet"
        default: return "the server's certificate is not signed by the given authority"
        }
        switch reason {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return "the server wants a client certificate"
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "the server does not know the authority of the client certificate"
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "the client certificate has expired"
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED: return "the client certificate has been revoked"
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
            SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            return "the server does not accept the client certificate"
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: return "the server does not speak HTTP/2"
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST: return "the server does not speak TLS"
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL:
            return "the server and this client have no TLS version or cipher in common"
        case 0: return nil
        default: return "TLS failed (\(reason))"
        }
    }
}
