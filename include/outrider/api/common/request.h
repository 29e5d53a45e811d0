/* A request as handlers see it, the listener it came from, and its parameters. */
#ifndef OUTRIDER_API_COMMON_REQUEST_H
#define OUTRIDER_API_COMMON_REQUEST_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/access/access.h"

#include <stdbool.h>

struct api_call;
struct api_reply;
struct error;
struct events_carrier;
struct http_exchange;
struct http_head;

/* What a listener grants its peers. */
struct api_policy {
    char *address;   /* as in http.listen */
    char *machine;   /* the name of this machine, which Host may have; NULL: unknown */
    bool check_host; /* not on unix sockets, where the file's mode decides */
    bool need_token; /* for state changes, where http.token_file is set */
    char cookie[40]; /* the name of the cookie of its sessions; "": it has none */
    bool secure;     /* browsers reach it over https alone: they keep the cookie to that */
    bool is_tls;
    char *
        proxy_header; /* the header in which the proxy of this socket names its user; NULL: there is no proxy */
};

enum { API_TEXTS = 17, API_NAMES = 5 };

/* Everything is borrowed. An absent header has no `data`: an empty Origin differs from none. */
struct api_request {
    union {
        struct {
            struct str method, path, query, body; /* path and query undecoded */
            struct str host, content_type, authorization, origin, if_match, if_none_match, last_event_id;
            struct str cookie, fetch_site, x_outrider;
            struct str idempotency_key;
            struct str request_id; /* X-Request-Id of a change, for the audit */
            struct str proxy_user; /* of the header in which the proxy names its user; empty: it names none */
        };
        struct str texts[API_TEXTS]; /* all of them, for a copy */
    };
    union { /* the segments of the path at {type}, {server} and so on of its route, decoded */
        struct {
            struct str type, server, id, player, scope;
        };
        struct str names[API_NAMES]; /* all of them, in the order of agent/api/routes.c */
    };
    struct access_identity
        who;      /* as the guard found out; `from` only where the route takes more than a viewer */
    bool is_unix; /* over a unix socket that is not a proxy's */
    bool gzip;    /* the peer wants it rather than bytes as they are */
    const char *const
        *certificate; /* the names in that of the peer, as tls_server_names(); NULL: it showed none */
    struct events_carrier *carrier; /* the WebSocket whose message it is; NULL: it came by itself */
    const struct http_head *head;   /* all headers; NULL once the request waits, and of a message */
    const struct api_policy *policy;
    const struct http_exchange
        *exchange; /* to name the peer, which costs a system call; NULL: it has no name */
};

/* Reads the query into call->filter; NULL: the path takes no filter. Of a stream, `lastEventId` or `Last-Event-ID` stands
 * for a header that is absent or empty. A GET may have `_`, against caches. False with `reply` made an error when a
 * parameter is unknown or malformed. */
bool api_read_query(struct api_call *call, bool is_stream, struct api_reply *reply);

/* Takes one parameter of a query, decoded and borrowed for the call. Returns 0, or -1 with ERROR_NOT_FOUND for one that the path does
 * not know and another error for a wrong value. */
typedef int api_parameter_fn(struct str name, struct str value, void *user, struct error *err);

/* Gives each parameter of the query to `take`, up to the first that is wrong. False with `reply` made an error when one is, or the
 * query is malformed. */
bool api_take_parameters(const struct api_call *call, api_parameter_fn *take, void *user,
                         struct api_reply *reply);

#endif
