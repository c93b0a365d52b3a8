/* A TLS 1.3 client that sends nothing but KeyUpdate: key_updates HOST PORT SECONDS PADDING. Prints the number of those
   sent before the peer ended the connection, or before the time was over. Each record has so many bytes of padding. */

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const unsigned char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

static int dial(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
    int fd = socket(list->ai_family, SOCK_STREAM, 0);
    if (connect(fd, list->ai_addr, list->ai_addrlen) != 0) return -1;
    freeaddrinfo(list);
    return fd;
}

static size_t padding;

static size_t pad(SSL *ssl, int type, size_t length, void *data) {
    (void)ssl; (void)type; (void)length; (void)data;
    return padding;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    padding = (size_t)atoi(words[4]);
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\2h2", 3);
    int fd = dial(words[1], words[2]);
    if (fd < 0) return 3;
    struct timeval patience = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, preface, 33) != 33) return 4;
    SSL_set_record_padding_callback(ssl, pad);
    /* Records are gathered in memory and sent many at once. */
    BIO *memory = BIO_new(BIO_s_mem());
    BIO_up_ref(memory);
    SSL_set0_wbio(ssl, memory);
    time_t end = time(NULL) + atoi(words[3]);
    long sent = 0;
    while (time(NULL) < end) {
        for (int number = 0; number < 500; number++) {
            if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1) return 5;
        }
        char *bytes;
        long length = BIO_get_mem_data(memory, &bytes);
        long done = 0;
        while (done < length) {
            ssize_t wrote = send(fd, bytes + done, (size_t)(length - done), 0);
            if (wrote <= 0) break;
            done += wrote;
        }
        if (done < length) break;
        (void)BIO_reset(memory);
        sent += 500;
        char nothing[4096];
        if (recv(fd, nothing, sizeof nothing, MSG_DONTWAIT) == 0) break;
    }
    printf("%ld\n", sent);
    return 0;
}
