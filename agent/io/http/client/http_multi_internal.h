/* libcurl's multi interface on the loop: its sockets, its one timer. Shared by whatever in io transfers. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_MULTI_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_MULTI_INTERNAL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

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
    bool adding;
};

/* Prepares a multi handle on `loop` (borrowed). `ran` is called from the loop each time libcurl has worked
 * there, with no libcurl function on the stack; it should look for messages. */
void http_multi_init(struct http_multi *multi, struct loop *loop, void (*ran)(void *user), void *user);

/* How many connections are in use for good: they do not count among the idle ones that are kept. */
void http_multi_set_reserved(struct http_multi *multi, size_t count);

/* Closes every connection. The easy handles must have been removed before. */
void http_multi_fini(struct http_multi *multi);

/* Sets the options by which the connections of `easy` become known here; once for each handle. */
void http_multi_adopt(struct http_multi *multi, CURL *easy);

/* Shuts down the connection that `easy`, now removed, used last, if it is still there: libcurl finds it dead
 * before it reuses it. */
void http_multi_distrust(struct http_multi *multi, CURL *easy);

/* Adds `easy` and lets libcurl work at once. What ends by that has its message when this returns; `ran` is
 * not called. */
void http_multi_start(struct http_multi *multi, CURL *easy);

#endif
