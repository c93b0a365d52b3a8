#ifndef OUTGOING_CCURL_SHIM_H
#define OUTGOING_CCURL_SHIM_H

#include <curl/curl.h>
#include <stdint.h>
#include <string.h>

/* The library takes options and gives answers by variadic functions, which Swift cannot call: here is one function for
   every type that it asks for. */

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/* The library copies the text. */
static inline CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/* Data of callbacks, the error buffer and whatever else the library keeps a pointer to. */
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/* A list must live as long as its transfer. */
static inline CURLcode ccurl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

/* Copies the body of a POST. */
static inline CURLcode ccurl_set_body(CURL *easy, const void *bytes, int64_t count) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes) : code;
}

/* CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION. */
static inline CURLcode ccurl_set_writer(CURL *easy, CURLoption option,
                                        size_t (*callback)(char *, size_t, size_t, void *)) {
    return curl_easy_setopt(easy, option, callback);
}

/* 0 where the library has no answer. */
static inline int64_t ccurl_long(CURL *easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline int64_t ccurl_offset(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline const char *ccurl_text(CURL *easy, CURLINFO info) {
    const char *value = NULL;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : NULL;
}

/* What CURLOPT_PRIVATE was set to. */
static inline void *ccurl_private(CURL *easy) {
    char *value = NULL;
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? value : NULL;
}

/* Waits until a transfer has something to do, `wake` can be read or the time is over. */
static inline CURLMcode ccurl_poll(CURLM *multi, int wake, int milliseconds) {
    struct curl_waitfd extra;
    memset(&extra, 0, sizeof extra);
    extra.fd = wake;
    extra.events = CURL_WAIT_POLLIN;
    return curl_multi_poll(multi, &extra, 1, milliseconds, NULL);
}

/* The next transfer that is over and how it ended; NULL when there is none. */
static inline CURL *ccurl_next_ended(CURLM *multi, CURLcode *code) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *code = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

#endif
