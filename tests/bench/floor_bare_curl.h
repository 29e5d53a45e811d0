/* libcurl's multi interface on libevent, written the usual way. */
#ifndef OUTRIDER_BENCH_FLOOR_BARE_CURL_H
#define OUTRIDER_BENCH_FLOOR_BARE_CURL_H

struct buf;
struct event_base;

struct bare_curl;

/* A client of one endpoint, which is borrowed as `base` is. Ends the process when it cannot be had. */
struct bare_curl *bare_curl_new(struct event_base *base, const char *endpoint);

/* Starts a POST of `body` (copied) to `path`, one at a time; `done` (may be NULL) is called with the loop
 * when it was answered 200. Anything else ends the process. */
void bare_curl_post(struct bare_curl *client, const char *path, const struct buf *body,
                    void (*done)(void *user), void *user);

#endif
