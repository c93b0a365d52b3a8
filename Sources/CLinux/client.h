#ifndef RPC_TRANSPORT_CLINUX_CLIENT_H
#define RPC_TRANSPORT_CLINUX_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Calls for a client's sockets whose arguments Swift would have to cast. */

struct transport_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* Up to `room` addresses of a host. Returns their number, or a negative error of getaddrinfo.
   Does not ask the network if the host must be a number. */
static inline int transport_resolve(const char *host, const char *port, int numeric, struct transport_address *found,
                                    int room) {
    struct addrinfo hints;
    struct addrinfo *list = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) return error < 0 ? error : -error;
    int count = 0;
    for (struct addrinfo *each = list; each && count < room; each = each->ai_next) {
        if (each->ai_addrlen > sizeof found[count].storage) continue;
        memset(&found[count], 0, sizeof found[count]);
        memcpy(&found[count].storage, each->ai_addr, each->ai_addrlen);
        found[count].length = each->ai_addrlen;
        count++;
    }
    freeaddrinfo(list);
    return count;
}

/* A socket that is connecting, or a negated errno. */
static inline int transport_connect(const struct transport_address *address) {
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->length) == 0 || errno == EINPROGRESS) return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* How connecting ended: 0 or an errno. */
static inline int transport_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

#endif
