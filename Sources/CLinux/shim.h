#ifndef RPC_ENGINE_CLINUX_SHIM_H
#define RPC_ENGINE_CLINUX_SHIM_H

/* Linux interfaces that Swift's Glibc module leaves out. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Declared by hand: the headers hide them behind _GNU_SOURCE, with which Swift's Glibc module is not built. */
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern void *memmem(const void *bytes, size_t count, const void *wanted, size_t wanted_count);

/* epoll_event is packed and holds a union; these three calls spare Swift both. */
static inline int engine_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static inline int engine_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static inline int engine_epoll_remove(int epoll, int fd) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
}

static inline uint64_t engine_epoll_token(const struct epoll_event *event) { return event->data.u64; }

static inline uint32_t engine_epoll_events(const struct epoll_event *event) { return event->events; }


static const uint32_t engine_epoll_in = EPOLLIN;
static const uint32_t engine_epoll_out = EPOLLOUT;
static const uint32_t engine_epoll_error = EPOLLERR;
static const uint32_t engine_epoll_hangup = EPOLLHUP;

static inline int engine_set_int_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

static inline int engine_accept(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return accept4(fd, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int engine_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return bind(fd, (const struct sockaddr *)address, length);
}

static inline int engine_local_address(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return getsockname(fd, (struct sockaddr *)address, &length);
}

/* Numeric host into a buffer of at least INET6_ADDRSTRLEN bytes; returns the port, or -1. */
static inline int engine_address_text(const struct sockaddr_storage *address, char *host, socklen_t length) {
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        if (!inet_ntop(AF_INET, &v4->sin_addr, host, length)) return -1;
        return ntohs(v4->sin_port);
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        if (!inet_ntop(AF_INET6, &v6->sin6_addr, host, length)) return -1;
        return ntohs(v6->sin6_port);
    }
    return -1;
}

/* The key connections are counted under: the whole IPv4 address, or the /64 network of an IPv6 address
   (whoever holds one address of it holds 2^64). IPv4-mapped addresses count as IPv4. */
static inline uint64_t engine_address_key(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        uint64_t network = 0;
        uint32_t last = 0;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(&last, v6->sin6_addr.s6_addr + 12, 4);
            return last;
        }
        memcpy(&network, v6->sin6_addr.s6_addr, 8);
        return network ^ 0x8000000000000000ULL;
    }
    return 0;
}

/* Resolves host:port for listening; returns 0 or getaddrinfo's error. */
static inline int engine_resolve(const char *host, const char *port, struct sockaddr_storage *address,
                                 socklen_t *length) {
    struct addrinfo hints;
    struct addrinfo *list = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) return error;
    if (list->ai_addrlen > sizeof *address) {
        freeaddrinfo(list);
        return EAI_FAMILY;
    }
    memcpy(address, list->ai_addr, list->ai_addrlen);
    *length = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

/* Bytes that the allocator has handed out, in all its arenas. */
static inline size_t engine_heap_bytes(void) {
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

/* Hands free memory back to the system, which may take milliseconds: on a thread of its own. */
static inline void *engine_trim_main(void *nothing) {
    malloc_trim(0);
    return nothing;
}

static inline void engine_trim_memory(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, engine_trim_main, NULL) == 0) pthread_detach(thread);
}

/* sched_attr as of its first version, for which glibc has no declaration. */
struct engine_sched_attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

/* Asks for slices of so many nanoseconds, 100 microseconds at least. A system that does not grant it changes nothing,
   nor does it where an administrator has chosen another policy. */
static inline void engine_prefer_latency(uint64_t nanoseconds) {
    if (sched_getscheduler(0) != SCHED_OTHER) return;
    struct engine_sched_attributes attributes = {.size = sizeof attributes, .runtime = nanoseconds};
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/* SCHED_BATCH, and nicer by so much, of this thread and those that it starts; where that is not granted, nicer. */
static inline void engine_prefer_throughput(int niceness) {
    if (sched_getscheduler(0) != SCHED_OTHER) return;
    struct engine_sched_attributes attributes = {.size = sizeof attributes, .policy = 3};
    attributes.nice = getpriority(PRIO_PROCESS, 0) + niceness;
    if (attributes.nice > 19) attributes.nice = 19;
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) setpriority(PRIO_PROCESS, 0, attributes.nice);
}

/* Position of a byte string inside another, or -1. */
static inline intptr_t engine_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
    const void *found = memmem(bytes, count, wanted, wanted_count);
    return found ? (intptr_t)((const char *)found - (const char *)bytes) : -1;
}

#endif
