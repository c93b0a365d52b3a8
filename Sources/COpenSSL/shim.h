#ifndef RPC_ENGINE_COPENSSL_SHIM_H
#define RPC_ENGINE_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* Most of what follows are macros of OpenSSL that Swift cannot see. */

static inline int engine_ctx_set_versions(SSL_CTX *ctx, int minimum) {
    return SSL_CTX_set_min_proto_version(ctx, minimum) == 1 && SSL_CTX_set_max_proto_version(ctx, 0) == 1;
}

/* A key with a pass phrase would make libcrypto ask on the terminal: refuse instead. */
static inline int engine_no_passphrase(char *buffer, int size, int writing, void *data) {
    (void)buffer; (void)size; (void)writing; (void)data;
    return 0;
}

/* The client's chain is kept as sent and judged after the handshake by code that can be run again. */
static inline int engine_defer_verification(X509_STORE_CTX *ctx, void *data) {
    (void)ctx; (void)data;
    return 1;
}

/* "h2" or nothing: any other offer ends the handshake. */
static inline int engine_select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                                   const unsigned char *offered, unsigned int offered_length, void *data) {
    static const unsigned char h2[3] = {2, 'h', '2'};
    (void)ssl; (void)data;
    if (SSL_select_next_proto((unsigned char **)out, out_length, h2, sizeof h2, offered, offered_length)
        != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* libssl calls the selection above only if the client offers something; this refuses a client that does not. */
static inline int engine_require_alpn(SSL *ssl, int *alert, void *data) {
    const unsigned char *extension = NULL;
    size_t length = 0;
    (void)data;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &length) != 1) {
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* h2 before http/1.1; any other offer ends the handshake. */
static inline int engine_select_either(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                                       const unsigned char *offered, unsigned int offered_length, void *data) {
    static const unsigned char either[12] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    (void)ssl; (void)data;
    if (SSL_select_next_proto((unsigned char **)out, out_length, either, sizeof either, offered, offered_length)
        != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* Clients of HTTP/1.1 are told by ALPN, or offer nothing: .NET does not, on Windows and elsewhere. */
static inline void engine_ctx_offer_http1(SSL_CTX *ctx) {
    SSL_CTX_set_alpn_select_cb(ctx, engine_select_either, NULL);
    SSL_CTX_set_client_hello_cb(ctx, NULL, NULL);
}

/* 1 if the certificate that was shown to this peer is for the host: an address, or a name as clients compare it. */
static inline int engine_is_certified(const SSL *ssl, const char *name, size_t length) {
    X509 *certificate = SSL_get_certificate(ssl);
    if (!certificate || length == 0 || name[0] == '.') return 0;
    int found = X509_check_ip_asc(certificate, name, 0);
    if (found < 0) found = X509_check_host(certificate, name, length, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL);
    ERR_clear_error();
    return found == 1;
}

static inline void engine_ctx_harden(SSL_CTX *ctx) {
    static const unsigned char session_context[] = "rpc-engine";
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET
                                 | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
    SSL_CTX_set_max_early_data(ctx, 0);
    // Bytes of a client's certificates; the library's own bound is three times this.
    SSL_CTX_set_max_cert_list(ctx, 32 << 10);
    // Without buffers between records an idle connection needs a third less memory.
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_RELEASE_BUFFERS);
    // Returns after the records of TLS itself that it has read, rather than reading on as long as they come.
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_default_passwd_cb(ctx, engine_no_passphrase);
    SSL_CTX_set_alpn_select_cb(ctx, engine_select_h2, NULL);
    SSL_CTX_set_client_hello_cb(ctx, engine_require_alpn, NULL);
    SSL_CTX_set_read_ahead(ctx, 1);
}

/* Counts the messages of TLS itself that a peer sends. The number takes the place of the SSL's application data. */
static inline void engine_note_message(int write_p, int version, int content_type, const void *bytes, size_t length,
                                       SSL *ssl, void *data) {
    (void)version; (void)data;
    if (write_p == 0 && content_type == SSL3_RT_HANDSHAKE) {
        SSL_set_ex_data(ssl, 0, (void *)((uintptr_t)SSL_get_ex_data(ssl, 0) + 1));
        // From here on no more is read than the record at hand: with some of the next one in its buffer the library
        // would go on reading rather than return.
        // (Within the library a message after the handshake counts as a handshake, so its type and number tell.)
        int is_key_update = length > 0 && ((const unsigned char *)bytes)[0] == SSL3_MT_KEY_UPDATE;
        if (is_key_update || (uintptr_t)SSL_get_ex_data(ssl, 0) > 16) SSL_set_read_ahead(ssl, 0);
    }
}

static inline void engine_count_handshake_messages(SSL *ssl) { SSL_set_msg_callback(ssl, engine_note_message); }

static inline uint32_t engine_handshake_messages(const SSL *ssl) { return (uint32_t)(uintptr_t)SSL_get_ex_data(ssl, 0); }

/* Bytes of a client's certificates as they were sent. */
static inline int engine_chain_bytes(X509 *leaf, const STACK_OF(X509) *chain) {
    int bytes = i2d_X509(leaf, NULL);
    for (int i = 0; i < sk_X509_num(chain); i++) bytes += i2d_X509(sk_X509_value(chain, i), NULL);
    return bytes > 0 ? bytes : 0;
}

static inline int engine_ctx_set_groups(SSL_CTX *ctx, const char *groups) {
    return SSL_CTX_set1_groups_list(ctx, groups) == 1;
}

static inline void engine_ctx_request_client_certificate(SSL_CTX *ctx) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, engine_defer_verification, NULL);
}

static inline BIO *engine_open_file(const char *path) { return BIO_new_file(path, "r"); }

static inline X509 *engine_read_certificate(BIO *bio) {
    return PEM_read_bio_X509_AUX(bio, NULL, engine_no_passphrase, NULL);
}

static inline X509_CRL *engine_read_crl(BIO *bio) {
    return PEM_read_bio_X509_CRL(bio, NULL, engine_no_passphrase, NULL);
}

/* What a certificate of the store is to client chains, `text` gets its subject. */
enum engine_authority { ENGINE_NOT_LONE, ENGINE_ANCHOR, ENGINE_NO_AUTHORITY };

/* An issuing authority whose own issuer is not in the store is made an end of chains, by trust in this very
   certificate: the flag for partial chains would make ends of all of them, and take those that have their root in the
   store out of its lists of revocation. */
static inline enum engine_authority engine_settle_authority(X509_STORE *store, int index, char *text, int size) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, index));
    if (!certificate || X509_self_signed(certificate, 0) == 1) return ENGINE_NOT_LONE;
    // Whoever wrote trust into the file has decided already.
    if (X509_get0_trust_objects(certificate) || X509_get0_reject_objects(certificate)) return ENGINE_NOT_LONE;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *issuer = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (!issuer || issuer == certificate) continue;
        if (X509_check_issued(issuer, certificate) == X509_V_OK) return ENGINE_NOT_LONE;
    }
    X509_NAME_oneline(X509_get_subject_name(certificate), text, size);
    if (X509_check_ca(certificate) < 1) return ENGINE_NO_AUTHORITY;
    ASN1_OBJECT *usage = OBJ_nid2obj(NID_client_auth);
    return usage && X509_add1_trust_object(certificate, usage) == 1 ? ENGINE_ANCHOR : ENGINE_NOT_LONE;
}

static inline int engine_store_count(X509_STORE *store) {
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

/* 1 if authorities of the store bear the name of the list's issuer and not one of them signed it. A list of an issuer
   that is not in the store may be an intermediate's, which comes with the client's chain: judged then. */
static inline int engine_crl_is_forged(X509_STORE *store, X509_CRL *crl) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    int named = 0;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (!authority || X509_NAME_cmp(X509_get_subject_name(authority), X509_CRL_get_issuer(crl)) != 0) continue;
        named = 1;
        EVP_PKEY *key = X509_get0_pubkey(authority);
        if (key && X509_CRL_verify(crl, key) == 1) return 0;
    }
    ERR_clear_error();
    return named;
}

/* Why a revocation list says nothing that a certificate could be judged by, or NULL. Decided here rather than by the
   library, whose versions differ: some take a delta for a whole list. */
static inline const char *engine_crl_unusable(X509_CRL *crl) {
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
        int kind = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (kind == NID_delta_crl) return "it is a delta, which says only what changed since another list";
        if (kind == NID_issuing_distribution_point || !X509_EXTENSION_get_critical(extension)) continue;
        if (kind != NID_authority_key_identifier && kind != NID_crl_number) {
            return "it has a critical extension that is not understood";
        }
    }
    int critical = 0;
    ISSUING_DIST_POINT *scope =
        (ISSUING_DIST_POINT *)X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
    if (!scope) return critical == -1 ? NULL : "its scope cannot be read";
    const char *reason = NULL;
    if (scope->indirectCRL > 0) reason = "it is indirect: it speaks for other authorities";
    if (scope->onlyattr > 0) reason = "it speaks of attribute certificates alone";
    if (scope->onlysomereasons) reason = "it speaks of some reasons alone";
    ISSUING_DIST_POINT_free(scope);
    return reason;
}

/* 1 if the last PEM read stopped at the end of the file rather than at something broken. */
static inline int engine_pem_ended(void) {
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static inline STACK_OF(X509_NAME) *engine_name_list_new(void) { return sk_X509_NAME_new_null(); }

static inline int engine_name_list_add(STACK_OF(X509_NAME) *list, X509 *certificate) {
    X509_NAME *copy = X509_NAME_dup(X509_get_subject_name(certificate));
    if (!copy) return 0;
    if (sk_X509_NAME_push(list, copy) <= 0) {
        X509_NAME_free(copy);
        return 0;
    }
    return 1;
}

static inline void engine_name_list_free(STACK_OF(X509_NAME) *list) { sk_X509_NAME_pop_free(list, X509_NAME_free); }

/* The peer's certificate and what it sent along; both become the caller's. */
static inline X509 *engine_peer_certificate(SSL *ssl) { return SSL_get1_peer_certificate(ssl); }

static inline STACK_OF(X509) *engine_peer_chain(SSL *ssl) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    return chain ? X509_chain_up_ref(chain) : NULL;
}

static inline int engine_chain_count(const STACK_OF(X509) *chain) { return chain ? sk_X509_num(chain) : 0; }

static inline void engine_chain_free(STACK_OF(X509) *chain) { sk_X509_pop_free(chain, X509_free); }

/* The end of a chain needs no revocation list of an issuer that is not here: it is trusted for being in the file. A
   self-signed one is its own issuer and needs its list. */
static inline int engine_judge(int ok, X509_STORE_CTX *ctx) {
    if (ok) return ok;
    int error = X509_STORE_CTX_get_error(ctx);
    // The last one is of a list of that issuer, which cannot be proven without it.
    if (error != X509_V_ERR_UNABLE_TO_GET_CRL && error != X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER
        && error != X509_V_ERR_CRL_SIGNATURE_FAILURE) return 0;
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    if (!chain || depth == 0 || depth != sk_X509_num(chain) - 1) return 0;
    X509 *end = sk_X509_value(chain, depth);
    if (X509_self_signed(end, 0) == 1 || !X509_get0_trust_objects(end)) return 0;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static inline int engine_time(const ASN1_TIME *time, int64_t *seconds) {
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    *seconds = (int64_t)timegm(&parts);
    return 1;
}

/* The library does not look at the times of a chain's end that is not self-signed. */
static inline int engine_end_of_chain_time(X509_STORE_CTX *ctx, int64_t moment) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    X509 *end = chain ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    int64_t first = 0, last = 0;
    if (!end || !engine_time(X509_get0_notBefore(end), &first) || !engine_time(X509_get0_notAfter(end), &last)) {
        return X509_V_ERR_UNSPECIFIED;
    }
    if (moment < first) return X509_V_ERR_CERT_NOT_YET_VALID;
    return moment > last ? X509_V_ERR_CERT_HAS_EXPIRED : X509_V_OK;
}

/* Verifies a client's chain at a moment. Returns X509_V_OK only when every step could be checked and passed. */
static inline int engine_verify_client(X509_STORE *store, X509 *leaf, STACK_OF(X509) *chain, int64_t moment,
                                       int check_revocation) {
    int result = X509_V_ERR_UNSPECIFIED;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (!ctx) return X509_V_ERR_OUT_OF_MEM;
    if (X509_STORE_CTX_init(ctx, store, leaf, chain) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        unsigned long flags = 0;
        if (check_revocation) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
        if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) == 1
            && X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_CLIENT) == 1
            && X509_VERIFY_PARAM_set_flags(param, flags) == 1) {
            X509_VERIFY_PARAM_set_time(param, (time_t)moment);
            X509_VERIFY_PARAM_set_depth(param, 10);
            X509_VERIFY_PARAM_set_auth_level(param, 2);
            X509_STORE_CTX_set_verify_cb(ctx, engine_judge);
            int verdict = X509_verify_cert(ctx);
            int error = X509_STORE_CTX_get_error(ctx);
            if (verdict == 1 && error == X509_V_OK) {
                result = engine_end_of_chain_time(ctx, moment);
            } else if (error != X509_V_OK) {
                result = error;
            }
        }
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return result;
}

/* When the certificate that a context shows runs out. */
static inline int engine_ctx_certificate_end(SSL_CTX *ctx, int64_t *seconds) {
    X509 *certificate = SSL_CTX_get0_certificate(ctx);
    return certificate && engine_time(X509_get0_notAfter(certificate), seconds);
}

/* When a revocation list runs out, and a number for its issuer; 0 for a list without an end. */
static inline int engine_crl_end(X509_CRL *crl, uint64_t *issuer, int64_t *seconds) {
    *issuer = X509_NAME_hash_ex(X509_CRL_get_issuer(crl), NULL, NULL, NULL);
    return engine_time(X509_CRL_get0_nextUpdate(crl), seconds);
}

/* URI names of the certificate: calls back with each one's bytes. Returns the count, or -1 for a broken extension. */
static inline int engine_uri_names(X509 *certificate, void (*each)(const unsigned char *, int, void *), void *data) {
    int critical = 0;
    int found = 0;
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    if (!names) return critical == -1 ? 0 : -1;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI) continue;
        each(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
             ASN1_STRING_length(name->d.uniformResourceIdentifier), data);
        found++;
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* Subject in RFC 2253 form with control and non-ASCII bytes escaped; returns its length, at most size. */
static inline int engine_subject(X509 *certificate, char *buffer, int size) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio) return 0;
    int length = 0;
    if (X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        length = BIO_read(bio, buffer, size);
    }
    BIO_free(bio);
    return length > 0 ? length : 0;
}

/* Serial number as hexadecimal; returns its length, at most size. */
static inline int engine_serial(X509 *certificate, char *buffer, int size) {
    int length = 0;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    if (!number) return 0;
    char *text = BN_bn2hex(number);
    if (text) {
        length = (int)strlen(text);
        if (length > size) length = size;
        memcpy(buffer, text, (size_t)length);
        OPENSSL_free(text);
    }
    BN_free(number);
    return length;
}

static inline int engine_sha256(X509 *certificate, unsigned char digest[32]) {
    unsigned int length = 0;
    return X509_digest(certificate, EVP_sha256(), digest, &length) == 1 && length == 32;
}

#endif
