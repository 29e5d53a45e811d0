/* Requests to Consul's HTTP API as bytes: transactions of the key/value store, sessions, paths. "Consul" in comments is
 * docs/design/consul-registry.md. */
#ifndef OUTRIDER_CODEC_CONSUL_CONSUL_REQUEST_H
#define OUTRIDER_CODEC_CONSUL_CONSUL_REQUEST_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What Consul takes in one transaction: operations, and bytes of its JSON. */
enum { CONSUL_OPS_MAX = 64, CONSUL_BODY_MAX = 512 * 1024 };

enum consul_verb {
    CONSUL_GET,          /* fails where there is no such key */
    CONSUL_GET_TREE,     /* all that begins with `key`, which is not empty */
    CONSUL_CHECK_INDEX,  /* the key exists and was changed last at `index`; takes the right to read it */
    CONSUL_CHECK_ABSENT, /* takes the right to write it */
    CONSUL_SET,          /* leaves the session of a key that is locked */
    CONSUL_CAS,          /* set and check in one; index 0: there is no such key */
    CONSUL_LOCK,         /* set, under `session`; not where another one holds it */
    CONSUL_UNLOCK,       /* set, and no longer under `session`, which holds it */
    CONSUL_DELETE,
    CONSUL_VERB_COUNT
};

struct consul_op {
    enum consul_verb verb;
    struct str key; /* as Consul has it */
    struct str value;
    int64_t index;
    struct registry_lease session;
};

/* Appends the JSON of a transaction of `count` operations. `more` (may be empty) is the JSON of further ones, separated by commas. */
void consul_txn_encode(const struct consul_op *ops, size_t count, struct str more, struct buf *out);

/* The key as Consul has it: without the '/' it begins with, because Consul's paths have none there. */
struct str consul_key(struct str key);

/* The range as Consul has its keys: where it goes on behind all that begin with a '/', it has no end. Parts of `range`. */
struct registry_range consul_range(struct registry_range range);

/* Why Consul cannot hold a key of this name, or not name it in a path; NULL: it can. Of a prefix, which may be empty and may end
 * with '/', and of a key. */
const char *consul_prefix_problem(struct str prefix);
const char *consul_key_problem(struct str key);

/* The longest prefix that all keys from `key` to `end` (exclusive; "\0": none) have; a part of `key`. Whole characters. */
struct str consul_range_prefix(struct str key, struct str end);

/* Appends "/v1/kv/" and the key or prefix, as Consul has it, escaped. */
void consul_path_encode(struct str key, struct buf *out);

enum { CONSUL_SESSION_SIZE = 37 };

/* Writes the UUID of a session and returns `text`. */
const char *consul_session_text(struct registry_lease session, char text[static CONSUL_SESSION_SIZE]);

/* Reads a UUID. Returns 0, or -1 when it is none, or the one of zeros. */
int consul_session_parse(struct str text, struct registry_lease *ret_session) MUST_CHECK;

/* Appends the body that makes a session on `node` that ends with its keys and keeps no other one out. Whole seconds, rounded
 * up. */
void consul_session_encode(struct str name, struct str node, int64_t ttl_ms, struct buf *out);

#endif
