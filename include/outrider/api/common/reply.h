/* The reply of a handler. */
#ifndef OUTRIDER_API_COMMON_REPLY_H
#define OUTRIDER_API_COMMON_REPLY_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/base/ulid.h"
#include "outrider/codec/record/services_json.h"

#include <stdbool.h>
#include <stdint.h>

struct access_identity;
struct api_call;
struct api_deferred;
struct api_pack;
struct blob;
struct error;
struct http_exchange;
struct http_push;
struct http_push_calls;

/* When the reply is sent. */
enum api_turn {
    API_ANSWERED, /* now: the reply is complete */
    API_DEFERRED, /* later, as `deferral` says */
    API_TAKEN     /* not at all: `take` gets the exchange */
};

/* A reply that comes later (deferred.h). Without `begin` the request waits for api_deferreds_wake and is then
 * handled again from the start; at the timeout it is handled a last time, with context->impatient. */
struct api_deferral {
    /* Starts an operation that ends with api_deferred_answer: later, or at once where it cannot begin. */
    void (*begin)(struct api_call *call, void *state, struct api_deferred *deferred);
    void *state; /* of the operation; NULL: none */
    void (*free_state)(void *state);
    const char *code;     /* of the 503 at the timeout, static; NULL: registry_away */
    const char *in_doubt; /* what is not known when the reply has to go before the operation ends */
    int64_t timeout_ms;
};

/* Gets the exchange, for a stream or an upgrade. */
typedef void api_take_fn(struct api_call *call, struct http_exchange *exchange);

/* Another request in a second may succeed. */
#define API_RETRY_SOON "Retry-After: 1"

/* {0} before the handler runs; ended with api_reply_fini. */
struct api_reply {
    int status;
    const char *content_type;   /* static */
    const char *code;           /* of an error, static; NULL: it is none */
    const char *header;         /* one more, static, "Name: value", such as API_RETRY_SOON; NULL: none */
    char next[ULID_LENGTH + 1]; /* a header Outrider-Next, the page after this one; "": none */
    char allow[40];             /* of a 405: the methods of the path; "": none */
    struct buf set_cookie;      /* a header Set-Cookie; empty: none */
    int64_t delay_ms;           /* of an answer that is to be late, of a failed sign-in; 0: at once */
    struct buf body;
    struct blob *blob; /* instead of the body where it is not NULL; a reference of the reply's */
    struct str fixed;  /* instead of both where it has any: bytes that outlive the server and never change */
    struct api_pack
        *pack; /* a reference; the compressed blob, sent instead of it once it is done; NULL: there is none */
    const char
        *encoding;     /* static, of what is sent instead of or as the body: "gzip"; NULL: it is as it is */
    bool varies;       /* with Accept-Encoding */
    bool is_weak;      /* of a 304: the requester named the ETag as a weak one */
    const char *cache; /* of Cache-Control, static; NULL: by the ETag */
    struct str content_policy;    /* as in http_response */
    char etag[SERVICES_ETAG_MAX]; /* a pack has the same as a weak one */
    int64_t stale_ms;             /* how old the content may be; 0: it is current */
    enum api_turn turn;
    struct api_deferral deferral;
    api_take_fn *take;
};

/* The message of a query that cannot be read. */
#define API_BAD_QUERY "the query is malformed: %%XX must be two hex digits of UTF-8"

/* Makes `reply` the error of a parameter: the path does not know it (ERROR_NOT_FOUND), or its value is wrong. */
void api_refuse_parameter(struct api_reply *reply, const struct error *err);

/* Makes `reply` the error `code` with a message for a person. */
void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Makes `reply` a 200 with JSON, and returns the body to write it to. */
struct buf *api_json(struct api_reply *reply);

/* Sends a complete reply; the exchange ends. */
void api_respond(struct http_exchange *exchange, const struct api_reply *reply);

/* Whether there is no place for one more stream: then the exchange has got its refusal and ends. */
bool api_refuse_stream(struct http_exchange *exchange);

/* What a push of `who` is judged by while it lasts, borrowed of `who`; empty: it is not, as its name was not proved. */
struct str api_stream_tag(const struct access_identity *who);

/* Begins a stream of events (SSE) of call->request.who, as http_push_begin() does: `calls` is borrowed as long as it lives. `max_behind` bytes may wait for
 * the peer; 0: HTTP_PUSH_BEHIND_MAX. */
struct http_push *api_stream_begin(const struct api_call *call, struct http_exchange *exchange,
                                   size_t max_behind, const struct http_push_calls *calls, void *user);

/* Frees what the reply holds. */
void api_reply_fini(struct api_reply *reply);

#endif
