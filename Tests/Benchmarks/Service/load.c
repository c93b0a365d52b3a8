// A small HTTP/2 load generator that presents a client certificate, which h2load cannot do.
//
// One thread, CONNECTIONS connections of STREAMS concurrent requests each over TLS 1.3. Every reply is checked: HTTP
// status 200, `grpc-status: 0` unless --get (with --gzip, packed), and byte for byte against --expect. The CPU time (user + system) of the
// server process is read from its process clock, in nanoseconds, after the warm-up and after the last reply, so that
// handshakes and the first allocations are outside.
//
// With --rate, requests are sent at that many a second whether or not replies have come, and latency counts from the
// time at which a request was due: what a slow server makes others wait is not left out. --body may be repeated, and
// then each request takes one at random (--seed). --any-status takes refusals for replies. --samples FILE has one
// record a call, in the order of the replies: index of the body and gRPC status (32 bits each), nanoseconds (64 bits).
//
// Prints one line: requests, seconds, CPU nanoseconds of --pid, median and 99th percentile latency in microseconds.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { maximum_connections = 256, maximum_reply = 8 << 20, maximum_bodies = 8, write_size = 16 * 1024 };

typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
} buffer;

typedef struct {
    int32_t id;
    uint32_t body;
    uint64_t start;
    size_t sent;
    int http_status;
    int grpc_status;
    buffer reply;
} request;

typedef struct {
    int socket;
    SSL *tls;
    nghttp2_session *session;
    buffer out;
    size_t out_written;
    bool waits_to_write;
    request *requests;
} connection;

typedef struct {
    uint32_t body, status;
    uint64_t nanoseconds;
} sample;

static struct {
    const char *host, *ca, *cert, *key, *path, *expect, *save, *samples, *name;
    const char *bodies[maximum_bodies];
    int port, connections, streams, body_count;
    long requests, warmup, pid;
    double rate;
    bool get, gzip, any_status;
} options = {.host = "127.0.0.1", .name = "localhost", .connections = 8, .streams = 16, .requests = 1000};

static buffer bodies[maximum_bodies], expected;
static connection connections[maximum_connections];
// Requests without a stream to be sent on, when --rate paces them.
static struct {
    connection *connection;
    request *request;
} *idle;
static long to_start, started, done, idle_count;
static uint64_t first_due, random_state = 1;
static uint32_t *latencies;
static sample *samples;
static int poller;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t server_cpu(void) {
    if (options.pid == 0) return 0;
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid((pid_t)options.pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        fail("cannot read the CPU clock of process %ld", options.pid);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void append(buffer *target, const uint8_t *bytes, size_t count) {
    if (target->count + count > maximum_reply) fail("a reply is larger than %d bytes", maximum_reply);
    if (target->count + count > target->capacity) {
        target->capacity = (target->count + count) * 2;
        target->bytes = realloc(target->bytes, target->capacity);
        if (!target->bytes) fail("out of memory");
    }
    memcpy(target->bytes + target->count, bytes, count);
    target->count += count;
}

static buffer read_file(const char *path) {
    buffer result = {0};
    if (!path) return result;
    FILE *file = fopen(path, "rb");
    if (!file) fail("cannot read %s", path);
    uint8_t chunk[65536];
    size_t count;
    while ((count = fread(chunk, 1, sizeof chunk, file)) > 0) append(&result, chunk, count);
    fclose(file);
    return result;
}

// HTTP/2

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *target, size_t length, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
    (void)session, (void)id, (void)user;
    request *request = source->ptr;
    const buffer *body = &bodies[request->body];
    size_t rest = body->count - request->sent;
    size_t count = rest < length ? rest : length;
    memcpy(target, body->bytes + request->sent, count);
    request->sent += count;
    if (request->sent == body->count) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

#define HEADER(n, v, l)                                                                                          \
    {(uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, (l),                                                          \
     NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

// When the request with this index is to be sent.
static uint64_t due(long index) {
    return first_due + (uint64_t)((double)index * 1e9 / options.rate);
}

static void start(connection *connection, request *request) {
    request->start = options.rate > 0 ? due(started) : now();
    to_start--;
    started++;
    // xorshift64
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    request->body = options.body_count > 1 ? (uint32_t)((random_state >> 32) % (uint64_t)options.body_count) : 0;
    request->sent = 0;
    request->http_status = request->grpc_status = -1;
    request->reply.count = 0;
    nghttp2_nv post[] = {HEADER(":method", "POST", 4),
                         HEADER(":scheme", "https", 5),
                         HEADER(":path", options.path, strlen(options.path)),
                         HEADER(":authority", options.name, strlen(options.name)),
                         HEADER("content-type", "application/grpc", 16),
                         HEADER("te", "trailers", 8)};
    nghttp2_nv get[] = {HEADER(":method", "GET", 3), HEADER(":scheme", "https", 5),
                        HEADER(":path", options.path, strlen(options.path)),
                        HEADER(":authority", options.name, strlen(options.name)),
                        HEADER("accept-encoding", "gzip", 4)};
    nghttp2_data_provider provider = {.source = {.ptr = request}, .read_callback = give_body};
    request->id = options.get
                      ? nghttp2_submit_request(connection->session, NULL, get, options.gzip ? 5 : 4, NULL, request)
                      : nghttp2_submit_request(connection->session, NULL, post, 6, &provider, request);
    if (request->id < 0) fail("cannot submit a request: %s", nghttp2_strerror(request->id));
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
                     const uint8_t *value, size_t value_length, uint8_t flags, void *user) {
    (void)flags, (void)user, (void)value_length;
    request *request = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!request) return 0;
    if (name_length == 7 && memcmp(name, ":status", 7) == 0) request->http_status = atoi((const char *)value);
    if (name_length == 11 && memcmp(name, "grpc-status", 11) == 0) request->grpc_status = atoi((const char *)value);
    if (name_length == 12 && memcmp(name, "grpc-message", 12) == 0 && !options.any_status)
        fprintf(stderr, "load: grpc-message: %.*s\n", (int)value_length, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t count,
                   void *user) {
    (void)flags, (void)user;
    request *request = nghttp2_session_get_stream_user_data(session, id);
    if (request) append(&request->reply, bytes, count);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
    connection *connection = user;
    request *request = nghttp2_session_get_stream_user_data(session, id);
    if (!request) return 0;
    if (error != 0 || request->http_status != 200 || 
        (!options.get && (options.any_status ? request->grpc_status < 0 : request->grpc_status != 0)))
        fail("request failed: HTTP/2 error %u, HTTP status %d, gRPC status %d", error, request->http_status,
             request->grpc_status);
    if (options.expect && (request->reply.count != expected.count ||
                           memcmp(request->reply.bytes, expected.bytes, expected.count) != 0))
        fail("a reply of %zu bytes differs from the expected one of %zu", request->reply.count, expected.count);
    if (options.save && done == 0) {
        FILE *file = fopen(options.save, "wb");
        if (!file || fwrite(request->reply.bytes, 1, request->reply.count, file) != request->reply.count ||
            fclose(file) != 0)
            fail("cannot write %s", options.save);
    }
    uint64_t latency = now() - request->start;
    if (samples) samples[done] = (sample){request->body, (uint32_t)request->grpc_status, latency};
    latencies[done++] = latency / 100 < UINT32_MAX ? (uint32_t)(latency / 100) : UINT32_MAX;
    if (options.rate > 0) {
        idle[idle_count].connection = connection;
        idle[idle_count++].request = request;
    } else if (to_start > 0) {
        start(connection, request);
    }
    return 0;
}

// TLS and sockets

static void watch(connection *connection, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (connection->waits_to_write ? EPOLLOUT : 0),
                                .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->socket, &event) != 0) fail("epoll: %s", strerror(errno));
}

static void flush(connection *connection) {
    while (true) {
        if (connection->out_written == connection->out.count) {
            connection->out.count = connection->out_written = 0;
            const uint8_t *bytes;
            ssize_t count;
            while (connection->out.count < write_size &&
                   (count = nghttp2_session_mem_send(connection->session, &bytes)) > 0)
                append(&connection->out, bytes, (size_t)count);
            if (connection->out.count == 0) break;
        }
        int count = SSL_write(connection->tls, connection->out.bytes + connection->out_written,
                              (int)(connection->out.count - connection->out_written));
        if (count > 0) {
            connection->out_written += (size_t)count;
            continue;
        }
        if (SSL_get_error(connection->tls, count) != SSL_ERROR_WANT_WRITE) fail("the server closed a connection");
        if (!connection->waits_to_write) {
            connection->waits_to_write = true;
            watch(connection, EPOLL_CTL_MOD);
        }
        return;
    }
    if (connection->waits_to_write) {
        connection->waits_to_write = false;
        watch(connection, EPOLL_CTL_MOD);
    }
}

static void receive(connection *connection) {
    uint8_t bytes[65536];
    while (true) {
        int count = SSL_read(connection->tls, bytes, sizeof bytes);
        if (count <= 0) {
            if (SSL_get_error(connection->tls, count) == SSL_ERROR_WANT_READ) break;
            fail("the server closed a connection");
        }
        ssize_t result = nghttp2_session_mem_recv(connection->session, bytes, (size_t)count);
        if (result < 0) fail("HTTP/2: %s", nghttp2_strerror((int)result));
    }
    flush(connection);
}

static void open_connection(connection *connection, SSL_CTX *context, nghttp2_session_callbacks *callbacks) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("%s is no IPv4 address", options.host);
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0)
        fail("cannot connect to %s:%d: %s", options.host, options.port, strerror(errno));
    int on = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->tls = SSL_new(context);
    SSL_set_fd(connection->tls, connection->socket);
    SSL_set_tlsext_host_name(connection->tls, options.name);
    SSL_set1_host(connection->tls, options.name);
    if (SSL_connect(connection->tls) != 1) {
        ERR_print_errors_fp(stderr);
        fail("TLS handshake failed");
    }
    const uint8_t *protocol;
    unsigned length;
    SSL_get0_alpn_selected(connection->tls, &protocol, &length);
    if (length != 2 || memcmp(protocol, "h2", 2) != 0) fail("the server does not speak h2");
    fcntl(connection->socket, F_SETFL, fcntl(connection->socket, F_GETFL) | O_NONBLOCK);
    if (nghttp2_session_client_new(&connection->session, callbacks, connection) != 0) fail("out of memory");
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (1u << 30) - 1}};
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, (1 << 30) - 1);
    connection->requests = calloc((size_t)options.streams, sizeof(request));
    if (!connection->requests) fail("out of memory");
    watch(connection, EPOLL_CTL_ADD);
    flush(connection);
}

// Sends what is due and answers how long it is until the next; a minute when nothing is left to send.
static struct timespec pace(void) {
    while (to_start > 0 && idle_count > 0 && due(started) <= now()) {
        idle_count--;
        start(idle[idle_count].connection, idle[idle_count].request);
        flush(idle[idle_count].connection);
    }
    if (to_start == 0 || idle_count == 0) return (struct timespec){.tv_sec = 60};
    uint64_t time = now(), next = due(started), wait = next > time ? next - time : 0;
    return (struct timespec){.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
}

static void run_paced(long count) {
    done = started = idle_count = 0;
    to_start = count;
    for (int stream = 0; stream < options.streams; stream++)
        for (int index = 0; index < options.connections; index++) {
            idle[idle_count].connection = &connections[index];
            idle[idle_count++].request = &connections[index].requests[stream];
        }
    first_due = now();
    struct epoll_event events[64];
    while (done < count) {
        struct timespec wait = pace();
        int ready = epoll_pwait2(poller, events, 64, &wait, NULL);
        if (ready == 0 && wait.tv_sec >= 60) fail("no reply within 60 s");
        for (int index = 0; index < ready; index++) receive(events[index].data.ptr);
    }
}

static void run(long count) {
    if (options.rate > 0) {
        run_paced(count);
        return;
    }
    done = 0;
    to_start = count;
    for (int stream = 0; stream < options.streams; stream++)
        for (int index = 0; index < options.connections && to_start > 0; index++)
            start(&connections[index], &connections[index].requests[stream]);
    for (int index = 0; index < options.connections; index++) flush(&connections[index]);
    struct epoll_event events[64];
    while (done < count) {
        int ready = epoll_wait(poller, events, 64, 60000);
        if (ready == 0) fail("no reply within 60 s");
        for (int index = 0; index < ready; index++) receive(events[index].data.ptr);
    }
}

static int ascending(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void read_options(int count, char **arguments) {
    for (int index = 1; index < count; index++) {
        const char *name = arguments[index];
        if (strcmp(name, "--get") == 0) {
            options.get = true;
            continue;
        }
        if (strcmp(name, "--gzip") == 0) {
            options.gzip = true;
            continue;
        }
        if (strcmp(name, "--any-status") == 0) {
            options.any_status = true;
            continue;
        }
        if (index + 1 == count) fail("%s needs a value", name);
        const char *value = arguments[++index];
        if (strcmp(name, "--port") == 0) options.port = atoi(value);
        else if (strcmp(name, "--ca") == 0) options.ca = value;
        else if (strcmp(name, "--cert") == 0) options.cert = value;
        else if (strcmp(name, "--key") == 0) options.key = value;
        else if (strcmp(name, "--path") == 0) options.path = value;
        else if (strcmp(name, "--body") == 0 && options.body_count < maximum_bodies)
            options.bodies[options.body_count++] = value;
        else if (strcmp(name, "--rate") == 0) options.rate = atof(value);
        else if (strcmp(name, "--seed") == 0) random_state = strtoull(value, NULL, 10) * 2654435761u + 1;
        else if (strcmp(name, "--samples") == 0) options.samples = value;
        else if (strcmp(name, "--expect") == 0) options.expect = value;
        else if (strcmp(name, "--save") == 0) options.save = value;
        else if (strcmp(name, "--connections") == 0) options.connections = atoi(value);
        else if (strcmp(name, "--streams") == 0) options.streams = atoi(value);
        else if (strcmp(name, "--requests") == 0) options.requests = atol(value);
        else if (strcmp(name, "--warmup") == 0) options.warmup = atol(value);
        else if (strcmp(name, "--pid") == 0) options.pid = atol(value);
        else fail("unknown option %s", name);
    }
    if (!options.path || !options.ca || options.port == 0) fail("--port, --ca and --path are required");
    if (options.connections < 1 || options.connections > maximum_connections || options.streams < 1 ||
        options.requests < 1)
        fail("--connections, --streams and --requests must be positive");
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    for (int index = 0; index < options.body_count; index++) bodies[index] = read_file(options.bodies[index]);
    expected = read_file(options.expect);
    long most = options.requests > options.warmup ? options.requests : options.warmup;
    latencies = calloc((size_t)most, sizeof *latencies);
    if (options.samples) samples = calloc((size_t)most, sizeof *samples);
    idle = calloc((size_t)options.connections * (size_t)options.streams, sizeof *idle);
    if (!latencies || !idle || (options.samples && !samples)) fail("out of memory");
    poller = epoll_create1(EPOLL_CLOEXEC);

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_protos(context, (const uint8_t *)"\x02h2", 3);
    if (SSL_CTX_load_verify_locations(context, options.ca, NULL) != 1) fail("cannot read %s", options.ca);
    if (options.cert && (SSL_CTX_use_certificate_chain_file(context, options.cert) != 1 ||
                         SSL_CTX_use_PrivateKey_file(context, options.key, SSL_FILETYPE_PEM) != 1))
        fail("cannot read the client certificate or its key");

    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    for (int index = 0; index < options.connections; index++)
        open_connection(&connections[index], context, callbacks);

    if (options.warmup > 0) run(options.warmup);
    uint64_t cpu = server_cpu(), begin = now();
    run(options.requests);
    uint64_t end = now();
    cpu = server_cpu() - cpu;
    if (samples) {
        FILE *file = fopen(options.samples, "wb");
        if (!file || fwrite(samples, sizeof *samples, (size_t)options.requests, file) != (size_t)options.requests ||
            fclose(file) != 0)
            fail("cannot write %s", options.samples);
    }
    qsort(latencies, (size_t)options.requests, sizeof *latencies, ascending);
    printf("%ld %.6f %llu %.1f %.1f\n", options.requests, (double)(end - begin) / 1e9, (unsigned long long)cpu,
           latencies[options.requests / 2] / 10.0, latencies[options.requests - 1 - options.requests / 100] / 10.0);
    return 0;
}
