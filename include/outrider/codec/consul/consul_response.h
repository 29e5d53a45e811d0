/* Answers of Consul's HTTP API as values. */
#ifndef OUTRIDER_CODEC_CONSUL_CONSUL_RESPONSE_H
#define OUTRIDER_CODEC_CONSUL_CONSUL_RESPONSE_H

#include "outrider/codec/consul/consul_request.h"

enum {
    /* Bytes of an answer about one key, and of one about many: a listing has no pages. */
    CONSUL_ANSWER_MAX = 4 * 1024 * 1024,
    CONSUL_LISTING_MAX = 64 * 1024 * 1024,
    CONSUL_TEXT_MAX = 256
};

/* What an answer means before its body is read. */
struct consul_status {
    enum registry_failure failure; /* OK: there is a body for the decoder of the request */
    bool elsewhere;                /* another server may do better */
    bool denied_token;             /* the token may have been replaced meanwhile */
    char text[CONSUL_TEXT_MAX];    /* why, for people; "" when ok */
};

/* Tells by the table of docs/design/consul-registry.md, "Errors". `changes`: the request may have changed something. An answer
 * of status 409 is for consul_txn_decode() and counts as ok, one of 404 for the caller. */
void consul_status_of(int http_status, struct str body, bool changes, struct consul_status *ret_status);

/* The answer is none of Consul's: `what` says why. */
void consul_status_malformed(const char *what, bool changes, struct consul_status *ret_status);

/* What stands in the head of an answer to a read. */
struct consul_head {
    int64_t index;        /* 0: there is none, or it is no number */
    bool has_leader;      /* the server knows a leader */
    int64_t last_contact; /* ms since it heard of it */
};

/* Reads it; total on any bytes. */
void consul_head_decode(struct str head, struct consul_head *ret_head);

/* ---- keys ---- */

struct consul_kv {
    struct str key, value;
    int64_t mod, create;
    struct registry_lease session;
};

/* A key of a listing, which has a '/' before its first byte, with it where the client's keys have one. */
static inline struct str consul_slashed(struct str key, bool slash)
{
    return slash ? (struct str){key.data - 1, key.size + 1} : key;
}

/* {0} is an empty list. In the order of the keys' bytes. */
struct consul_kvs {
    struct consul_kv *list;
    size_t count, capacity;
    struct buf bytes; /* what keys and values point to */
};

/* Frees what it owns and zeroes it. */
void consul_kvs_fini(struct consul_kvs *kvs);

/* The one of that name; NULL: there is none. */
const struct consul_kv *consul_kvs_find(const struct consul_kvs *kvs, struct str key);

/* Replaces `kvs` by those of a listing. Total on any bytes: -1, with `kvs` empty, for what is no listing, is larger or deeper
 * than accepted, or has a key twice. */
int consul_kvs_decode(struct str body, struct consul_kvs *kvs) MUST_CHECK;

/* ---- transactions ---- */

enum consul_reason {
    CONSUL_ABSENT,     /* there is no such key */
    CONSUL_CHANGED,    /* it was changed at another index, or exists and should not */
    CONSUL_HELD,       /* another session holds it */
    CONSUL_NO_SESSION, /* the session named does not exist */
    CONSUL_DELAYED,    /* a session that ended keeps others out for a while */
    CONSUL_DENIED,
    CONSUL_OTHER
};

struct consul_refusal {
    size_t op;
    enum consul_reason reason;
};

struct consul_txn_answer {
    struct consul_kvs kvs; /* of the operations that name a key that exists */
    struct consul_refusal refusals[CONSUL_OPS_MAX];
    size_t refusal_count;       /* 0: all of it was done */
    char text[CONSUL_TEXT_MAX]; /* of the first refusal */
};

/* Frees what it owns and zeroes it. */
void consul_txn_answer_fini(struct consul_txn_answer *answer);

/* Why operation `op` was refused; NULL: it was not. */
const struct consul_refusal *consul_txn_refusal(const struct consul_txn_answer *answer, size_t op);

/* Replaces `answer` by that to a transaction of `op_count` operations, with status 200 or 409. Total on any bytes: -1 for what is
 * no such answer; a refusal of no operation is none. */
int consul_txn_decode(int http_status, struct str body, size_t op_count,
                      struct consul_txn_answer *answer) MUST_CHECK;

/* ---- sessions ---- */

/* The id that a new session got. */
int consul_session_decode(struct str body, struct registry_lease *ret_session) MUST_CHECK;

/* The TTL of session `session` as renew and info tell it; -1 in `ret_ttl_ms` when there is no such session. Returns -1 when the
 * answer is none, or about another one. */
int consul_session_ttl_decode(struct str body, struct registry_lease session, int64_t *ret_ttl_ms) MUST_CHECK;

/* The shortest TTL, in ms, that the text of a refused grant says the server accepts; 0: it does not say. */
int64_t consul_least_ttl(struct str text);

#endif
