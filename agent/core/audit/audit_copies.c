#include "outrider/core/audit/audit_copies.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/base/ulid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { HOUR_MS = 3600 * 1000 };

struct copy {
    struct copy *next, *prev;
    char id[ULID_LENGTH + 1];
    struct blob *value;
    int64_t added_wall;
};

struct audit_copies {
    struct audit_copies_settings settings;
    struct buf prefix;
    struct random random;
    enum audit_copies_state state;
    struct copy *first;
    size_t count;
    struct registry_lease lease;
    int64_t lease_hour;
    uint64_t flight; /* the id of the request under way; 0: none */
    uint64_t last_id;
    bool first_gone; /* the entry whose put is under way was left out meanwhile */
    struct backoff backoff;
    int64_t retry_mono;
    bool dropping;
    uint64_t copied, dropped, failures;
    char last_error[200];
};

struct audit_copies *audit_copies_new(const struct audit_copies_settings *settings)
{
    struct audit_copies *copies = mem_zalloc(sizeof(*copies));
    copies->settings = *settings;
    buf_str(&copies->prefix, settings->prefix);
    copies->backoff = RETRY_BACKOFF;
    copies->retry_mono = NEVER_MS;
    random_seed(&copies->random, settings->seed);
    return copies;
}

static void remove_first(struct audit_copies *copies)
{
    struct copy *copy = copies->first;
    DL_DELETE(copies->first, copy);
    copies->count--;
    blob_unref(copy->value);
    free(copy);
}

void audit_copies_free(struct audit_copies *copies)
{
    while (copies != NULL && copies->first != NULL) {
        remove_first(copies);
    }
    if (copies != NULL) {
        buf_fini(&copies->prefix);
        free(copies);
    }
}

void audit_copies_keep(struct audit_copies *copies, int64_t keep_ms)
{
    copies->settings.keep_ms = keep_ms;
}

static void move(struct audit_copies *copies, enum audit_copies_state to)
{
#define TO(state) (1U << COPIES_##state)
    static const unsigned allowed[] = {
        [COPIES_IDLE] = TO(GRANTING) | TO(PUTTING),
        [COPIES_GRANTING] = TO(GRANTING) | TO(PUTTING) | TO(WAITING),
        [COPIES_PUTTING] = TO(IDLE) | TO(PUTTING) | TO(GRANTING) | TO(WAITING),
        [COPIES_WAITING] = TO(GRANTING) | TO(PUTTING),
    };
#undef TO
    assert((allowed[copies->state] & 1U << to) != 0);
    copies->state = to;
}

static struct audit_copies_effect *emit(struct queue *effects, enum audit_copies_effect_type type)
{
    struct audit_copies_effect *effect = queue_push(effects);
    effect->type = type;
    return effect;
}

static struct registry_request *request(struct audit_copies *copies, enum registry_op op,
                                        struct queue *effects)
{
    struct registry_request *made = &emit(effects, COPIES_DO_REQUEST)->request;
    copies->flight = ++copies->last_id;
    *made = (struct registry_request){
        .id = copies->flight, .op = op, .timeout_ms = copies->settings.request_timeout_ms};
    return made;
}

static void grant(struct audit_copies *copies, const struct copy *copy, struct queue *effects)
{
    struct registry_request *made = request(copies, REGISTRY_GRANT, effects);
    /* The last entry of the hour stays as long as the first. */
    made->ttl_ms = copies->settings.keep_ms + HOUR_MS;
    if (copies->settings.chooses_id) {
        made->lease.lo = random_next(&copies->random) >> 1 | 1;
    }
    copies->lease = made->lease;
    copies->lease_hour = copy->added_wall / HOUR_MS;
    move(copies, COPIES_GRANTING);
}

static void put(struct audit_copies *copies, const struct copy *copy, struct queue *effects)
{
    char key[600];
    snprintf(key, sizeof(key), "%.500s%s", buf_text(&copies->prefix), copy->id);
    struct str kept = queue_copy(effects, str_of(key));
    struct registry_request *made = request(copies, REGISTRY_PUT, effects);
    made->key = kept;
    made->value = copy->value;
    made->lease = copies->lease;
    copies->first_gone = false;
    move(copies, COPIES_PUTTING);
}

/* What comes next, where nothing is under way. */
static void go_on(struct audit_copies *copies, struct queue *effects)
{
    const struct copy *copy = copies->first;
    copies->retry_mono = NEVER_MS;
    if (copy == NULL) {
        copies->dropping = false;
        move(copies, COPIES_IDLE);
    } else if (registry_lease_is_none(copies->lease) || copies->lease_hour != copy->added_wall / HOUR_MS) {
        grant(copies, copy, effects);
    } else {
        put(copies, copy, effects);
    }
}

static void on_failed(struct audit_copies *copies, const struct audit_copies_event *event,
                      struct queue *effects)
{
    const struct registry_reply *reply = event->reply;
    struct str error = reply->error.size > 0 ? reply->error : STR("no answer");
    copies->failures++;
    if (copies->last_error[0] == '\0') {
        struct str kept = queue_copy(effects, error);
        emit(effects, COPIES_DO_FAILED)->text = kept;
    }
    brief_copy(copies->last_error, sizeof(copies->last_error), error);
    copies->retry_mono = event->now.mono + retry_delay(&copies->backoff, reply->failure, &copies->random);
    if (copies->state == COPIES_GRANTING) {
        copies->lease = (struct registry_lease){0};
    }
    move(copies, COPIES_WAITING);
}

static void on_reply(struct audit_copies *copies, const struct audit_copies_event *event,
                     struct queue *effects)
{
    const struct registry_reply *reply = event->reply;
    if (reply->id != copies->flight) {
        return;
    }
    copies->flight = 0;
    bool granting = copies->state == COPIES_GRANTING;
    bool lost = reply->failure == REGISTRY_LEASE_LOST && !granting;
    bool taken = reply->failure == REGISTRY_LEASE_EXISTS && granting;
    if (lost || taken) {
        copies->lease = (struct registry_lease){0};
        go_on(copies, effects);
        return;
    }
    if (reply->failure != REGISTRY_OK) {
        on_failed(copies, event, effects);
        return;
    }
    if (copies->last_error[0] != '\0') {
        copies->last_error[0] = '\0';
        emit(effects, COPIES_DO_RECOVERED);
    }
    copies->backoff.failures = 0;
    if (granting) {
        copies->lease = copies->settings.chooses_id ? copies->lease : reply->lease;
    } else {
        copies->copied++;
        if (!copies->first_gone) {
            remove_first(copies);
        }
    }
    go_on(copies, effects);
}

static void on_entry(struct audit_copies *copies, const struct audit_copies_event *event,
                     struct queue *effects)
{
    if (copies->count == AUDIT_COPIES_MAX) {
        copies->first_gone = true;
        copies->dropped++;
        remove_first(copies);
        if (!copies->dropping) {
            copies->dropping = true;
            emit(effects, COPIES_DO_DROPPED);
        }
    }
    struct copy *copy = mem_zalloc(sizeof(*copy));
    *copy = (struct copy){.value = blob_ref(event->value), .added_wall = event->now.wall};
    snprintf(copy->id, sizeof(copy->id), "%s", event->id);
    DL_APPEND(copies->first, copy);
    copies->count++;
    if (copies->state == COPIES_IDLE) {
        go_on(copies, effects);
    }
}

void audit_copies_step(struct audit_copies *copies, const struct audit_copies_event *event,
                       struct queue *effects)
{
    switch (event->type) {
    case COPIES_ON_ENTRY: on_entry(copies, event, effects); break;
    case COPIES_ON_REPLY: on_reply(copies, event, effects); break;
    case COPIES_ON_TICK:
        if (copies->retry_mono <= event->now.mono) {
            go_on(copies, effects);
        }
        break;
    }
}

int64_t audit_copies_due(const struct audit_copies *copies)
{
    return copies->retry_mono;
}

void audit_copies_look(const struct audit_copies *copies, struct audit_copies_facts *ret_facts)
{
    *ret_facts =
        (struct audit_copies_facts){.state = copies->state,
                                    .waiting = copies->count,
                                    .since_wall = copies->first == NULL ? 0 : copies->first->added_wall,
                                    .copied = copies->copied,
                                    .dropped = copies->dropped,
                                    .failures = copies->failures,
                                    .last_error = copies->last_error};
}
