/* libcurl's multi interface on the event loop: its sockets and its one timer. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_MULTI_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_MULTI_INTERNAL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct loop;
struct watched;

struct http_multi {
    CURLM *curl; /* for curl_multi_info_read and curl_multi_remove_handle */
    struct loop *loop;
    struct event *timer;
    struct watched *watched;
    void (*ran)(void *user);
    void *user;
    uint64_t answered; /* calls that left an idle connection */
    bool adding;
};

/* Prepares a multi handle on `loop` (borrowed). `ran` is called from the loop after each run of libcurl, with
 * no libcurl function on the stack; it should look for messages. */
void http_multi_init(struct http_multi *multi, struct loop *loop, void (*ran)(void *user), void *user);

/* Closes every connection. The easy handles must have been removed before. */
void http_multi_fini(struct http_multi *multi);

/* Says how many streams hold a connection: these do not count towards the limit of kept connections. */
void http_multi_set_streams(struct http_multi *multi, size_t count);

/* Sets the options by which the connections of `easy` are known here; once for each handle. */
void http_multi_adopt(struct http_multi *multi, CURL *easy);

/* Adds `easy` and runs libcurl at once. A transfer that ends in this run has its message when the function
 * returns; `ran` is not called. */
void http_multi_start(struct http_multi *multi, CURL *easy);

/* How the transfer of a handle ended. */
enum http_multi_end {
    HTTP_MULTI_ANSWERED, /* its connection is fit for the next one */
    HTTP_MULTI_FAILED,
    HTTP_MULTI_STOPPED /* before libcurl ended it */
};

/* Removes `easy`. Its connection is closed, unless the transfer was answered: that is counted, and the connections
 * that no call has needed for long are closed. */
void http_multi_remove(struct http_multi *multi, CURL *easy, enum http_multi_end end, bool is_tls);

/* Closes the idle connections to the address that `easy` was connected to last. */
void http_multi_close_idle(struct http_multi *multi, CURL *easy);

#endif
