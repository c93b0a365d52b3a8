#ifndef RPC_TRANSPORT_COPENSSL_CLIENT_H
#define RPC_TRANSPORT_COPENSSL_CLIENT_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* The client's side of TLS: what libssl offers as macros, which Swift cannot see. */

/* A key with a pass phrase would make libcrypto ask on the terminal: refuse instead. */
static inline int transport_no_passphrase(char *buffer, int size, int writing, void *data) {
    (void)buffer; (void)size; (void)writing; (void)data;
    return 0;
}

/* TLS 1.2 or later, h2 alone, and a peer that proves who it is. */
static inline int transport_ctx_prepare(SSL_CTX *ctx) {
    static const unsigned char h2[3] = {2, 'h', '2'};
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, transport_no_passphrase);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_alpn_protos(ctx, h2, sizeof h2) == 0;
}

/* Whose certificate is expected. Addresses are compared with the certificate's addresses, names with its names. */
static inline int transport_expect(SSL *ssl, const char *name, int is_address) {
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* 1 if both sides agreed on h2. */
static inline int transport_has_h2(const SSL *ssl) {
    const unsigned char *name = NULL;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl, &name, &length);
    return length == 2 && name[0] == 'h' && name[1] == '2';
}

/* Reason of the oldest error in this thread's queue that has one, or 0. Empties the queue. */
static inline int transport_last_reason(void) {
    unsigned long error = ERR_get_error();
    ERR_clear_error();
    return ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
}

#endif
