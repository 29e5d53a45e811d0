/* Where the host of a URL meets libcurl: which host the request names, which one the connection goes to, and at
 * which addresses.
 *
 *   begin -> libcurl needs a new connection, and stops before it would resolve the name (is_asked)
 *         -> look_up -> use -> libcurl runs the same request again, now with the addresses
 *
 * On a kept connection the name is not resolved at all. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_HOST_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_HOST_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/io/net/resolver.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* Embedded. */
struct http_host {
    CURL *easy;
    char *name;   /* to be resolved here; NULL: an address, localhost, or no host at all */
    char *target; /* relayed: the host of the URL, which the relay connects to; NULL: none */
    bool is_relayed;
    uint16_t port;
    struct curl_slist *connect_to, *resolve; /* borrowed by `easy` */
    struct lookup *lookup;
    bool has_addresses; /* `resolve` gives them for this request */
    bool is_asked;      /* libcurl ended the transfer (CURLE_COULDNT_RESOLVE_HOST) for want of addresses */
};

/* `easy` is borrowed until http_host_fini. Where it is relayed, nothing is resolved here. */
void http_host_init(struct http_host *host, CURL *easy, bool is_relayed);

/* To be called after curl_easy_cleanup(). Ends the look-up. */
void http_host_fini(struct http_host *host);

/* Sets the URL of the handle, without user and password. With a `server_name` (https:// alone) the URL
 * names that instead of its host, for SNI, verification and the Host header, while the connection goes to its
 * host. A malformed URL is set as it is: libcurl refuses it when the transfer starts. */
void http_host_set(struct http_host *host, const char *url, const char *server_name);

/* Before each request: forgets the addresses that an earlier one had. */
void http_host_begin(struct http_host *host);

/* Looks the name up; `fn` as for resolver_look_up. */
void http_host_look_up(struct http_host *host, struct resolver *resolver, int64_t timeout_ms, resolver_fn *fn,
                       void *user);

/* To be called first in `fn`. Returns whether there are addresses: the transfer may then be added again. */
bool http_host_use(struct http_host *host, const struct resolver_answer *answer) MUST_CHECK;

/* Ends the look-up without a callback, if there is one. */
void http_host_cancel(struct http_host *host);

#endif
