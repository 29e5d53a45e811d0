#include "outrider/core/seats/amend.h"

#include "outrider/base/brief.h"

#include <assert.h>

/* Others write, too: after so many requests it is a conflict. */
enum { TRIES_MAX = 10 };

#define TO(state) (1u << AMEND_##state)

bool amend_may_move(enum amend_state from, enum amend_state to)
{
    static const unsigned allowed[] = {
        [AMEND_READING] = TO(READING) | TO(WRITING) | TO(DONE),
        [AMEND_WRITING] = TO(READING) | TO(WRITING) | TO(DONE),
        [AMEND_DONE] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct amend *amend, enum amend_state to)
{
    assert(amend_may_move(amend->state, to));
    amend->state = to;
    amend->change.reads = to == AMEND_READING;
}

static void finish(struct amend *amend, enum amend_result result)
{
    amend->result = result;
    move(amend, AMEND_DONE);
}

void amend_init(struct amend *amend, enum amend_op op, struct str server, struct str id, int64_t ttl_ms,
                int64_t ends)
{
    *amend = (struct amend){.op = op, .state = AMEND_READING, .ttl_ms = ttl_ms, .ends = ends};
    amend->change.reads = true;
    seats_text(amend->change.of.server, sizeof(amend->change.of.server), server);
    seats_text(amend->change.id, sizeof(amend->change.id), id);
}

void amend_fini(struct amend *amend)
{
    seats_change_fini(&amend->change);
}

/* What is to be written to the key of the id, whatever it has: one that names another server is left. */
static void write_id(struct amend *amend, const struct seats_reply *reply, const struct reservation *entry)
{
    struct seats_change *change = &amend->change;
    bool ours = !reply->id.found ||
                (!reply->id.foreign && str_eq(str_of(reply->place.server), str_of(change->of.server)));
    change->id_revision = reply->id.revision;
    change->id_action = !ours                       ? SEATS_ID_KEEP
                        : amend->op == AMEND_EXTEND ? SEATS_ID_WRITE
                        : reply->id.found           ? SEATS_ID_REMOVE
                                                    : SEATS_ID_KEEP;
    change->place = (struct reservation_place){.seats = entry->seats, .until_wall = entry->until_wall};
    seats_text(change->place.server, sizeof(change->place.server), str_of(change->of.server));
}

/* Decides by the list as it is. */
static void decide(struct amend *amend, const struct seats_reply *reply, const struct instant *now)
{
    struct seats_change *change = &amend->change;
    if (reply->seats.foreign) {
        finish(amend, AMEND_FOREIGN);
        return;
    }
    reservations_copy(&change->of.list, &reply->list);
    change->of.revision = reply->seats.revision;
    change->dropped_count = 0;
    if (amend->op == AMEND_CLEAN) {
        seats_change_drop_lapsed(change, now->wall);
        change->id_action = SEATS_ID_KEEP;
        if (change->dropped_count == 0 && (change->of.list.count > 0 || !reply->seats.found)) {
            finish(amend, AMEND_OK);
        } else {
            move(amend, AMEND_WRITING);
        }
        return;
    }
    struct reservation *entry = reservations_find(&change->of.list, str_of(change->id));
    if (entry == NULL || !reservation_is_live(entry, now->wall)) {
        /* After a release without an answer it is gone because of that. */
        finish(amend, amend->op == AMEND_RELEASE && amend->maybe_made ? AMEND_OK : AMEND_NOT_FOUND);
        return;
    }
    if (amend->op == AMEND_EXTEND && entry->until_wall < now->wall + amend->ttl_ms) {
        entry->until_wall = now->wall + amend->ttl_ms;
    }
    amend->reservation = *entry;
    if (amend->op == AMEND_GET) {
        finish(amend, AMEND_OK);
        return;
    }
    write_id(amend, reply, entry);
    if (amend->op == AMEND_RELEASE) {
        reservations_remove(&change->of.list, entry);
    }
    seats_change_drop_lapsed(change, now->wall);
    move(amend, AMEND_WRITING);
}

static void fail(struct amend *amend, enum registry_failure failure, struct str error)
{
    amend->failure = failure;
    brief_copy(amend->error, sizeof(amend->error), error);
    finish(amend, AMEND_FAILED);
}

void amend_late(struct amend *amend)
{
    assert(amend->tries == 0);
    fail(amend, REGISTRY_RETRY, STR("others of this server were changed until it was too late"));
}

static void on_failed(struct amend *amend, const struct seats_reply *reply, const struct instant *now)
{
    bool unknown = reply->failure == REGISTRY_UNKNOWN;
    bool again = unknown || reply->failure == REGISTRY_RETRY;
    amend->maybe_made = amend->maybe_made || (amend->state == AMEND_WRITING && unknown);
    if (again && amend->tries < TRIES_MAX && now->mono < amend->ends) {
        move(amend, AMEND_READING);
    } else {
        /* A read that is not known to have been done has changed nothing. */
        enum registry_failure failure = unknown && !amend->maybe_made ? REGISTRY_RETRY : reply->failure;
        fail(amend, amend->maybe_made ? REGISTRY_UNKNOWN : failure, reply->error);
    }
}

void amend_reply(struct amend *amend, const struct seats_reply *reply, const struct instant *now)
{
    bool wrote = amend->state == AMEND_WRITING;
    amend->tries++;
    if (reply->failure != REGISTRY_OK) {
        on_failed(amend, reply, now);
    } else if (wrote && reply->made) {
        bool more = amend->op == AMEND_CLEAN && amend->change.dropped_count == SEATS_DROPS_MAX;
        if (more && amend->tries < TRIES_MAX) {
            move(amend, AMEND_READING);
        } else {
            finish(amend, AMEND_OK);
        }
    } else if (amend->tries >= TRIES_MAX) {
        finish(amend, AMEND_CONFLICT);
    } else {
        decide(amend, reply, now);
    }
}
