#include "outrider/core/leader/leaders.h"

#include "outrider/base/mem.h"
#include "outrider/core/registry/mirror.h"

#include <assert.h>
#include <stdlib.h>

/* One key that stands. */
struct standing {
    const struct mirror_key *key;
    bool readable;
};

struct scope {
    struct leaders_scope facts; /* as told; `name` is its own memory */
    struct standing *standing;  /* in the order of their create revisions */
    size_t count, capacity;
    int64_t told_mod; /* of the leader's key, when it was told of */
};

struct leaders {
    char *prefix;
    struct scope *scopes[LEADERS_SCOPES_MAX]; /* in the order of their names */
    size_t count;
    size_t skipped[LEADERS_SKIP_COUNT];
};

const char *leaders_skip_name(enum leaders_skip skip)
{
    static const char *const names[LEADERS_SKIP_COUNT] = {[LEADERS_OTHER_KEY] = "other_key",
                                                          [LEADERS_NO_LEASE] = "no_lease",
                                                          [LEADERS_OTHER_LEASE] = "other_lease",
                                                          [LEADERS_UNREADABLE] = "unreadable",
                                                          [LEADERS_NO_ROOM] = "no_room"};
    return names[skip];
}

struct leaders *leaders_new(const char *prefix)
{
    struct leaders *leaders = mem_zalloc(sizeof(*leaders));
    leaders->prefix = mem_strdup(prefix);
    return leaders;
}

static void remove_at(struct leaders *leaders, size_t at)
{
    struct scope *scope = leaders->scopes[at];
    leaders->count--;
    memmove(leaders->scopes + at, leaders->scopes + at + 1,
            (leaders->count - at) * sizeof(leaders->scopes[0]));
    free((void *)(uintptr_t)scope->facts.name.data);
    free(scope->standing);
    free(scope);
}

void leaders_free(struct leaders *leaders)
{
    if (leaders != NULL) {
        while (leaders->count > 0) {
            remove_at(leaders, leaders->count - 1);
        }
        free(leaders->prefix);
        free(leaders);
    }
}

/* ---- scopes ---- */

/* Whether there is one; `ret_at` is where it stands or would stand. */
static bool find(const struct leaders *leaders, struct str name, size_t *ret_at)
{
    size_t at = 0;
    int order = -1;
    while (at < leaders->count && (order = str_compare(leaders->scopes[at]->facts.name, name)) < 0) {
        at++;
    }
    *ret_at = at;
    return at < leaders->count && order == 0;
}

/* One that is only kept for its counts makes room. */
static bool make_room(struct leaders *leaders)
{
    for (size_t i = 0; i < leaders->count && leaders->count == LEADERS_SCOPES_MAX; i++) {
        if (leaders->scopes[i]->count == 0 && leaders->scopes[i]->facts.token == 0) {
            remove_at(leaders, i);
        }
    }
    /* Of a scope that had no room, the first key is not here: it comes in when all of those are gone. */
    return leaders->count < LEADERS_SCOPES_MAX && leaders->skipped[LEADERS_NO_ROOM] == 0;
}

/* NULL: there is no room for another one. */
static struct scope *need_scope(struct leaders *leaders, struct str name)
{
    size_t at;
    if (find(leaders, name, &at)) {
        return leaders->scopes[at];
    }
    if (!make_room(leaders)) {
        return NULL;
    }
    struct scope *scope = mem_zalloc(sizeof(*scope));
    scope->facts.name = (struct str){mem_copy(name.data, name.size), name.size};
    (void)find(leaders, name, &at);
    memmove(leaders->scopes + at + 1, leaders->scopes + at,
            (leaders->count - at) * sizeof(leaders->scopes[0]));
    leaders->scopes[at] = scope;
    leaders->count++;
    return scope;
}

/* ---- keys ---- */

static bool is_name(struct str text)
{
    size_t size;
    if (text.size == 0 || text.size > LEADERS_NAME_MAX || !str_is_utf8(text)) {
        return false;
    }
    for (; text.size > 0; text = (struct str){text.data + size, text.size - size}) {
        size = str_utf8_character(text);
        if (str_is_control((struct str){text.data, size})) {
            return false;
        }
    }
    return true;
}

/* Whether the key stands in a scope: then that, else why not. */
static bool stands(const struct leaders *leaders, const struct mirror_key *key, struct str *ret_scope,
                   enum leaders_skip *ret_skip)
{
    char text[REGISTRY_LEASE_TEXT_SIZE];
    size_t prefix = strlen(leaders->prefix);
    assert(str_starts(key->key, str_of(leaders->prefix)));
    struct str lease, rest = {key->key.data + prefix, key->key.size - prefix};
    *ret_scope = str_split(rest, '/', &lease);
    if (!is_name(*ret_scope) || lease.size == 0) {
        *ret_skip = LEADERS_OTHER_KEY;
    } else if (registry_lease_is_none(key->lease)) {
        *ret_skip = LEADERS_NO_LEASE;
    } else if (!str_eq(lease, str_of(registry_lease_text(key->lease, text)))) {
        *ret_skip = LEADERS_OTHER_LEASE;
    } else {
        return true;
    }
    return false;
}

static void remove_key(struct leaders *leaders, const struct mirror_key *key)
{
    struct str name;
    enum leaders_skip skip;
    size_t at, i = 0;
    if (!stands(leaders, key, &name, &skip)) {
        leaders->skipped[skip]--;
        return;
    }
    struct scope *scope = find(leaders, name, &at) ? leaders->scopes[at] : NULL;
    while (scope != NULL && i < scope->count && scope->standing[i].key != key) {
        i++;
    }
    if (scope == NULL || i == scope->count) {
        leaders->skipped[LEADERS_NO_ROOM]--;
        return;
    }
    leaders->skipped[LEADERS_UNREADABLE] -= scope->standing[i].readable ? 0 : 1;
    scope->count--;
    memmove(scope->standing + i, scope->standing + i + 1, (scope->count - i) * sizeof(scope->standing[0]));
    scope->facts.candidates = scope->count;
}

static void add_key(struct leaders *leaders, const struct mirror_key *key, bool readable)
{
    struct str name;
    enum leaders_skip skip;
    if (!stands(leaders, key, &name, &skip)) {
        leaders->skipped[skip]++;
        return;
    }
    struct scope *scope = need_scope(leaders, name);
    if (scope == NULL) {
        leaders->skipped[LEADERS_NO_ROOM]++;
        return;
    }
    leaders->skipped[LEADERS_UNREADABLE] += readable ? 0 : 1;
    size_t at = scope->count;
    while (at > 0 && scope->standing[at - 1].key->create_revision > key->create_revision) {
        at--;
    }
    scope->standing = mem_grow(scope->standing, scope->count, &scope->capacity, sizeof(scope->standing[0]));
    memmove(scope->standing + at + 1, scope->standing + at, (scope->count - at) * sizeof(scope->standing[0]));
    scope->standing[at] = (struct standing){key, readable};
    scope->count++;
    scope->facts.candidates = scope->count;
}

void leaders_change(struct leaders *leaders, const struct mirror_key *was, const struct mirror_key *is,
                    bool readable)
{
    if (was != NULL) {
        remove_key(leaders, was);
    }
    if (is != NULL) {
        add_key(leaders, is, readable);
    }
}

/* ---- who leads ---- */

static const struct mirror_key *first_of(const struct scope *scope)
{
    return scope->count == 0 ? NULL : scope->standing[0].key;
}

const struct leaders_scope *leaders_next(const struct leaders *leaders, struct str *ret_value)
{
    for (size_t i = 0; i < leaders->count; i++) {
        const struct scope *scope = leaders->scopes[i];
        const struct mirror_key *first = first_of(scope);
        bool other = first == NULL ? scope->facts.token != 0
                                   : first->create_revision != scope->facts.token ||
                                         first->mod_revision != scope->told_mod;
        if (other) {
            *ret_value = first == NULL ? STR("") : blob_view(first->value);
            return &scope->facts;
        }
    }
    return NULL;
}

void leaders_settle(struct leaders *leaders, const struct leaders_scope *scope, const struct candidate *who,
                    const struct instant *now, bool present)
{
    size_t at;
    bool there = find(leaders, scope->name, &at);
    assert(there);
    (void)there;
    struct scope *settled = leaders->scopes[at];
    const struct mirror_key *first = first_of(settled);
    struct leaders_scope *facts = &settled->facts;
    int64_t token = first == NULL ? 0 : first->create_revision;
    if (token != facts->token && token != 0) {
        facts->elections += present ? 0 : 1;
        facts->since_wall = present && who != NULL && who->since_wall > 0 ? who->since_wall : now->wall;
    }
    facts->token = token;
    settled->told_mod = first == NULL ? 0 : first->mod_revision;
    facts->named = who != NULL && first != NULL;
    facts->who = facts->named ? *who : (struct candidate){.since_wall = 0};
}

/* ---- what can be asked ---- */

size_t leaders_count(const struct leaders *leaders)
{
    return leaders->count;
}

const struct leaders_scope *leaders_at(const struct leaders *leaders, size_t index)
{
    return &leaders->scopes[index]->facts;
}

const struct leaders_scope *leaders_find(const struct leaders *leaders, struct str name)
{
    size_t at;
    return find(leaders, name, &at) ? &leaders->scopes[at]->facts : NULL;
}

const struct leaders_scope *leaders_led_by(const struct leaders *leaders, struct str type, struct str id)
{
    for (size_t i = 0; i < leaders->count; i++) {
        const struct leaders_scope *scope = &leaders->scopes[i]->facts;
        if (scope->named && str_eq(id, str_of(scope->who.id)) && str_eq(type, str_of(scope->who.type))) {
            return scope;
        }
    }
    return NULL;
}

size_t leaders_skipped(const struct leaders *leaders, enum leaders_skip skip)
{
    return leaders->skipped[skip];
}
