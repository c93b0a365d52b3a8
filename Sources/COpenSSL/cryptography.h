#ifndef CRYPTOGRAPHY_COPENSSL_H
#define CRYPTOGRAPHY_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

/* What Cryptography cannot say in Swift: macros, and lists of parameters whose addresses must live through a call. */

/* Ends the process. For what fails only without memory or without the library's own algorithms, where Swift ends the
   process too: nobody may go on with a code that was not computed. Never for anything that was read. */
static inline void crypto_require(int done, const char *what) {
    if (done != 1) OPENSSL_die(what, OPENSSL_FILE, OPENSSL_LINE);
}

/* An HMAC that has its key and has read nothing yet; NULL when it cannot be had. */
static inline EVP_MAC_CTX *crypto_hmac_new(EVP_MAC *hmac, const char *digest, const uint8_t *key, size_t length) {
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
    OSSL_PARAM parameters[2];
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0);
    parameters[1] = OSSL_PARAM_construct_end();
    // Without a pointer the library would take it that the key comes later.
    if (ctx && EVP_MAC_init(ctx, length ? key : (const uint8_t *)"", length, parameters) == 1) return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* The public key of that type that the parameters describe; NULL when they describe none. */
static inline EVP_PKEY *crypto_public_key(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (parameters && ctx && EVP_PKEY_fromdata_init(ctx) == 1) {
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Numbers with the most significant byte first. */
static inline EVP_PKEY *crypto_rsa_key(const uint8_t *modulus, int modulus_length, const uint8_t *exponent,
                                       int exponent_length) {
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
        key = crypto_public_key("RSA", parameters);
        OSSL_PARAM_free(parameters);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return key;
}

/* A point in the form of SEC 1, 2.3.3, which has to be on the curve. */
static inline EVP_PKEY *crypto_ec_key(const char *group, const uint8_t *point, size_t length) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0);
    parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, length);
    parameters[2] = OSSL_PARAM_construct_end();
    EVP_PKEY *key = crypto_public_key("EC", parameters);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    int sound = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (sound) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* Gives no pass phrase: without this the library would ask for one on the terminal. `wanted` becomes 1. */
static inline int crypto_note_passphrase(char *buffer, int size, int writing, void *wanted) {
    (void)buffer; (void)size; (void)writing;
    *(int *)wanted = 1;
    return -1;
}

/* The first private key of a PEM text; NULL when there is none that can be read without a pass phrase. */
static inline EVP_PKEY *crypto_private_key(const uint8_t *pem, int length, int *is_encrypted) {
    *is_encrypted = 0;
    BIO *bio = BIO_new_mem_buf(pem, length);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, crypto_note_passphrase, is_encrypted) : NULL;
    BIO_free(bio);
    return key;
}

/* The first certificate of a PEM text; NULL when there is none or it is malformed. */
static inline X509 *crypto_certificate(const uint8_t *pem, int length) {
    int is_encrypted = 0;
    BIO *bio = BIO_new_mem_buf(pem, length);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, crypto_note_passphrase, &is_encrypted) : NULL;
    BIO_free(bio);
    return certificate;
}

/* 1 if the bytes are one certificate of that key, and nothing behind it. */
static inline int crypto_certifies(const uint8_t *der, long length, const EVP_PKEY *key) {
    const unsigned char *cursor = der;
    X509 *certificate = d2i_X509(NULL, &cursor, length);
    EVP_PKEY *certified = certificate ? X509_get0_pubkey(certificate) : NULL;
    int same = certified && cursor == der + length && EVP_PKEY_eq(certified, key) == 1;
    X509_free(certificate);
    return same;
}

#endif
