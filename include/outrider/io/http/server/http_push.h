/* A reply without end: the same messages for thousands of peers, each message built once.
 *
 * A message is a blob, referenced and never copied. While a peer keeps up, a message costs one send() and arms
 * nothing; only what the socket does not take waits, as references. The socket's own buffer is small (http_budget.c),
 * because bytes that wait there go stale as well. A peer with more than `max_behind` bytes
 * waiting beyond that is closed, and so is one that takes nothing for HTTP_PUSH_SHUT_MS.
 *
 * The body ends with the connection ("Connection: close", no length, not chunked). RFC 9112, 6.3 gives that the
 * same meaning in every version of HTTP, so the same bytes serve HTTP/1.0, HTTP/1.1, proxies and `curl -N`.
 * Chunks would mark a complete stream, but these streams end only by being cut off, and the messages in them
 * have ends of their own. */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_PUSH_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_PUSH_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct http_exchange;
struct http_fault;
struct http_push;
struct http_response;
struct http_server;

/* In bytes. */
enum { HTTP_PUSH_BEHIND_MAX = 262144 };

/* A window that is shut for so long is no pause of a reader. */
enum { HTTP_PUSH_SHUT_MS = 60000 };

struct http_push_options {
    struct str content_type;
    const char *const *headers; /* as in http_response */
    bool
        switches; /* 101 instead of 200, where http_exchange_can_switch(): `Upgrade: PROTOCOL` is among `headers` */
    struct str tag;    /* copied: what http_server_end_pushes() judges it by; empty: it is not judged */
    size_t max_behind; /* bytes that may wait for the peer; 0: HTTP_PUSH_BEHIND_MAX */
};

enum http_push_end {
    HTTP_PUSH_GONE,   /* the peer has closed, or the connection failed */
    HTTP_PUSH_BEHIND, /* it had more than `max_behind` waiting */
    HTTP_PUSH_SHUT,   /* it took nothing for HTTP_PUSH_SHUT_MS, although something waited */
    HTTP_PUSH_ROOM    /* places are short, and its peer had the most */
};

/* They are called from the loop, never from within a call of this header, and may call http_push_end. */
struct http_push_calls {
    void (*drained)(struct http_push *push, void *user); /* messages had to wait; none does now */
    void (*closed)(struct http_push *push, enum http_push_end why, void *user); /* the last call */
    /* The peer has sent the bytes, borrowed for the call. NULL: what it sends is dropped. */
    void (*received)(struct http_push *push, struct str bytes, void *user);
    /* By http_server_end_pushes(): it may not go on, and is to be ended, after a last message. NULL: it is closed. */
    void (*expelled)(struct http_push *push, void *user);
};

/* NULL: there is a place for one more, or one can be made. Else what the exchange is to be refused with, static and
 * counted. */
const struct http_fault *http_push_refusal(struct http_exchange *exchange);

/* Replies 200 without a length, and ends the exchange. `calls` and `user` are borrowed as long as the push
 * lives. NULL when there is no peer to push to: it has closed (either direction), there is no room (503), or it
 * asked with HEAD (200). The caller owns the result, which may outlive the server. */
struct http_push *http_push_begin(struct http_exchange *exchange, const struct http_push_options *options,
                                  const struct http_push_calls *calls, void *user);

/* Whether the exchange can be switched to another protocol: not one of HTTP/1.0, and not of HEAD. */
bool http_exchange_can_switch(const struct http_exchange *exchange);

/* Closes the connection, if it is open, and frees the push; no call follows. What the kernel has is still sent to a peer that has kept
 * up. Accepts NULL. */
void http_push_end(struct http_push *push);

/* Sends the messages in their order, in one system call where the socket takes them, and references those that
 * have to wait. Messages to a closed peer are dropped. A peer that falls too far behind is closed, and what
 * waits for it is dropped. */
void http_push_send(struct http_push *push, struct blob *const *messages, size_t count);

/* A request within a push, as a message of a WebSocket is one: its exchange ends once, by http_respond(), which gives the response to
 * `answer`, borrowed for the call, or by http_inner_drop(). It has the peer of the push, which it may outlive; of the calls about exchanges
 * it takes http_respond(), http_exchange_peer() and http_exchange_share(). The caller owns it until then. */
typedef void http_answer_fn(struct http_exchange *exchange, const struct http_response *response, void *user);

/* The exchange of one that has come. Never NULL. */
struct http_exchange *http_inner_new(const struct http_push *push, http_answer_fn *answer, void *user);

/* Ends it without an answer. */
void http_inner_drop(struct http_exchange *exchange);

/* Closes each push with a tag for which `stays` is false, as one whose peer has gone, or has it `expelled`. */
void http_server_end_pushes(struct http_server *server, bool (*stays)(struct str tag, void *user),
                            void *user);

struct http_push_facts {
    size_t behind;  /* bytes that wait; 0 when it is closed */
    uint64_t sent;  /* bytes that the socket has taken so far */
    bool is_closed; /* the connection has ended: `closed` was called or will be */
};

/* Borrowed as long as the push lives. */
const struct http_push_facts *http_push_facts(const struct http_push *push);

#endif
