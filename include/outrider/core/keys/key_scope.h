/* Which keys the key browser may show and change (docs/http-api.md, "Keys"). */
#ifndef OUTRIDER_CORE_KEYS_KEY_SCOPE_H
#define OUTRIDER_CORE_KEYS_KEY_SCOPE_H

#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { KEY_ROOTS_MAX = 2 };

/* Every key that begins with a root may be shown. Each root ends with "/", so that a sibling with a longer name is beyond it. */
struct key_scope {
    struct buf roots[KEY_ROOTS_MAX]; /* in the order of their bytes; of `all` one, which is empty */
    size_t root_count;
    struct buf kept; /* what begins with it is only shown: the copies of the audit */
};

/* `all`: every key of the registry; else those below the two prefixes, neither of which is below the other. To be ended with
 * key_scope_fini(). */
void key_scope_init(struct key_scope *scope, bool all, const char *prefix, const char *control_prefix);
void key_scope_fini(struct key_scope *scope);

/* Whether all that begins with `text` may be shown: a key, or the beginning of several. */
bool key_scope_covers(const struct key_scope *scope, struct str text);

/* Whether `key` is only shown. */
bool key_scope_keeps(const struct key_scope *scope, struct str key);

/* Whether of all that begins with `prefix` something is, or could be, only shown. */
bool key_scope_keeps_some(const struct key_scope *scope, struct str prefix);

#endif
