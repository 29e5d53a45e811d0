/* A request as handlers see it, the listener it came from, and the checks before its handler. */
#ifndef OUTRIDER_API_COMMON_REQUEST_H
#define OUTRIDER_API_COMMON_REQUEST_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>

struct api_call;
struct api_reply;
struct config;
struct error;
struct http_exchange;

/* What a listener grants its peers. */
struct api_policy {
    char *address;   /* as in http.listen */
    char *machine;   /* the name of this machine, which Host may have; NULL: unknown */
    bool check_host; /* not on unix sockets, where the file's mode decides */
    bool need_token; /* for state changes, where http.token_file is set */
};

enum { API_TEXTS = 11, API_NAMES = 5, API_PEER_SIZE = 80 };

/* Everything is borrowed. An absent header has no `data`: an empty Origin differs from none. */
struct api_request {
    union {
        struct {
            struct str method, path, query, body; /* path and query undecoded */
            struct str host, content_type, authorization, origin, if_none_match, last_event_id;
            struct str peer; /* of a hold or its end: "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000" */
        };
        struct str texts[API_TEXTS]; /* all of them, for a copy */
    };
    union { /* the segments of the path at {type}, {server} and so on of its route, decoded */
        struct {
            struct str type, server, id, player, scope;
        };
        struct str names[API_NAMES]; /* all of them, in the order of agent/api/routes.c */
    };
    bool is_unix;
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

/* Checks Host, Origin, Content-Type and token, in this order, as the request's policy asks of those that change
 * state. PUT and DELETE, which no form can send, need a Content-Type only where they have a body. False with `reply` made an error. */
bool api_may_change(struct api_call *call, struct api_reply *reply);

/* Checks Host, and the token where http.read asks for it. False with `reply` made an error. */
bool api_may_read(struct api_call *call, struct api_reply *reply);

/* Whether the peer may see ids of leases: it came over a unix socket, or has the token of http.token_file. */
bool api_may_see_leases(const struct config *config, const struct api_request *request);

/* Checks that the token file can be read, for the start. Returns 0, also when none is configured, or -1. */
int api_check_token_file(const struct config *config, struct error *err) MUST_CHECK;

#endif
