#ifndef DATASTORE_CLIBPQ_SHIM_H
#define DATASTORE_CLIBPQ_SHIM_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Fields of an error, whose names are macros of characters. NULL where the server did not say. */
static inline const char *clibpq_sqlstate(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

/* ERROR, FATAL, PANIC, WARNING, NOTICE …, never translated. */
static inline const char *clibpq_severity(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
}

static inline const char *clibpq_constraint(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
}

/* Waits until the socket can be read or written, whichever is asked for, or the time is over.
   Positive when it can, 0 when the time is over, negative for an error. */
static inline int clibpq_wait(int socket, int writing, int reading, int milliseconds) {
    struct pollfd wanted;
    wanted.fd = socket;
    wanted.events = (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
    wanted.revents = 0;
    return poll(&wanted, 1, milliseconds);
}

/* Waits until the socket or the second descriptor can be read, or the time is over. Answers as above. */
static inline int clibpq_wait_either(int socket, int other, int milliseconds) {
    struct pollfd wanted[2];
    wanted[0].fd = socket;
    wanted[1].fd = other;
    wanted[0].events = wanted[1].events = POLLIN;
    wanted[0].revents = wanted[1].revents = 0;
    return poll(wanted, 2, milliseconds);
}

/* A descriptor that can be read once `clibpq_signal` was called, or -1. */
static inline int clibpq_make_signal(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline void clibpq_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

static inline void clibpq_close(int fd) { close(fd); }

#endif
