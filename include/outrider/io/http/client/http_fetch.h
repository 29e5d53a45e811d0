/* One HTTP request that blocks until it is answered: for commands without an event loop. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_FETCH_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_FETCH_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct http_fetch_request {
    const char *method;         /* "GET", "POST", ... */
    const char *url;            /* http:// or https://; its host is sent as Host also over a unix socket */
    const char *unix_path;      /* connect to this socket instead of the URL's host; NULL: do not */
    const char *const *headers; /* "Name: value" each, NULL at the end; NULL: none */
    struct str body;            /* sent when not empty, or when the method is POST or PUT */
    int64_t timeout_ms;         /* for the whole call; 0: none */
    size_t max_response;        /* bytes of body accepted */
    /* Where set, bytes of the body are delivered as they arrive instead of collected, and max_response means
     * nothing; no bytes: the head is complete. Returns whether to go on; false ends it with ERROR_LIMIT. */
    bool (*data)(int status, struct str bytes, void *user);
    /* Where set, called about once a second: to show progress. */
    void (*tick)(void *user);
    void *user;
    int64_t silence_ms; /* no byte for this long: ERROR_TIMEOUT; 0: no limit */
};

/* Sends `request` and waits. Returns 0 with the HTTP status (whatever it is) and the body appended to
 * `ret_body`. Returns -1 with `err` set when there is no answer: ERROR_UNREACHABLE (refused, no route,
 * no such socket, connection lost), ERROR_TIMEOUT, ERROR_LIMIT (answer larger than max_response),
 * ERROR_NOT_FOUND (the name has no address), ERROR_INVALID (the URL), ERROR_PROTOCOL (anything else);
 * `ret_body` is then as it was. */
int http_fetch(const struct http_fetch_request *request, struct error *err, int *ret_status,
               struct buf *ret_body) MUST_CHECK;

#endif
