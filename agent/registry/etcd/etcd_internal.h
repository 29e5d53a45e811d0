/* What the sources of registry/etcd share: etcd.c (requests), auth.c (the token), recheck.c (whether an endpoint
 * that failed is back), watch.c (streams). */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_INTERNAL_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_INTERNAL_H

#include "auth_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/codec/etcd/etcd_response.h"
#include "outrider/registry/backend.h"
#include "outrider/registry/endpoints/recheck.h"

#include <stddef.h>
#include <stdint.h>

struct etcd_call;
struct etcd_watch;
struct http_client;
struct http_request_handle;
struct loop;
struct timer;

enum { ETCD_HEADERS_MAX = 5 };

struct etcd {
    struct registry registry; /* first: what the caller holds */
    struct loop *loop;        /* borrowed, as `http` */
    struct http_client *http;
    struct endpoints endpoints;
    struct recheck recheck;
    const char *recheck_headers[ETCD_HEADERS_MAX];
    struct auth auth;
    struct etcd_call *calls;
    struct etcd_watch *watches;    /* open, or ended in this turn of the loop */
    uint64_t cluster;              /* as last answered */
    struct buf body;               /* of the watch being opened */
    struct buf url;                /* of the last request or watch */
    struct etcd_response response; /* being read */
    int64_t header_timeout_ms;     /* what `timeout_header` says */
    char timeout_header[40];
};

/* Fills in the headers of a request: content type, Hasleader (docs/design/etcd-gateway.md, "Silent watches"),
 * the token if there is one, and for `timeout_ms` > 0 how long the server may take (a stream has none), NULL
 * at the end. Borrowed until the next call. */
void etcd_headers(struct etcd *etcd, int64_t timeout_ms, const char *ret_headers[static ETCD_HEADERS_MAX]);

/* The URL of `path` on endpoint `endpoint`; borrowed until the next call. */
const char *etcd_url(struct etcd *etcd, size_t endpoint, const char *path);

/* The HTTP client's text about a failed call, without the URL it begins with: errors name the endpoint. Borrowed. */
const char *etcd_without_url(const struct etcd *etcd, size_t endpoint, const char *text);

/* endpoints_failed(), and the endpoint is asked again after a pause. */
void etcd_endpoint_failed(struct etcd *etcd, size_t index, const char *why);

void etcd_recheck_init(struct etcd *etcd, const struct config_registry *config);

/* Empties a buffer for the next use; one that a huge value has stretched is given back. */
void etcd_reuse(struct buf *buf);

/* registry_watch and registry_unwatch of the etcd backend: each watch is a stream of its own, from one endpoint. */
void etcd_watch_open(struct registry *registry, const struct registry_watch *request);
void etcd_watch_close(struct registry *registry, uint64_t id);

/* Closes all; before the login is ended, for which some may wait. */
void etcd_watches_fini(struct etcd *etcd);

#endif
