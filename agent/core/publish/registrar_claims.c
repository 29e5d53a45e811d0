/* Claims of reservations: each joins a write of the record, which waits until the seats key was read. */
#include "registrar_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* A claim is answered within this time, in ms: the line of a game server waits for it. */
enum { WAIT_MS = 5000 };
/* How long an id counts as claimed lately, in ms: a game server whose answer was lost says it again. */
enum { LATELY_MS = 10 * 60 * 1000 };
/* Reads of the seats key that find nothing claimed there: a burst, then one in so many ms. */
enum { READ_BURST = 20, READ_PERIOD_MS = 50 };

void registrar_claims_fini(struct claims *claims)
{
    free(claims->waiting);
    free(claims->lately);
    blob_unref(claims->value);
    blob_unref(claims->write.value);
    *claims = (struct claims){0};
}

/* ---- claimed lately ---- */

static struct claimed *find_lately(const struct registrar *registrar, const char *id)
{
    const struct claims *claims = &registrar->claims;
    for (size_t i = 0; claims->lately != NULL && i < REGISTRAR_CLAIMED_MAX; i++) {
        if (strcmp(claims->lately[i].id, id) == 0 && registrar->now.boot < claims->lately[i].until_boot) {
            return &claims->lately[i];
        }
    }
    return NULL;
}

void registrar_remember_claimed(struct registrar *registrar, const char *id)
{
    struct claims *claims = &registrar->claims;
    struct claimed *known = find_lately(registrar, id);
    if (claims->lately == NULL) {
        claims->lately = mem_zalloc(REGISTRAR_CLAIMED_MAX * sizeof(claims->lately[0]));
    }
    if (known == NULL) {
        known = &claims->lately[claims->lately_count++ % REGISTRAR_CLAIMED_MAX];
        brief_copy(known->id, sizeof(known->id), str_of(id));
    }
    known->until_boot = registrar->now.boot + LATELY_MS;
}

/* The oldest first, as the next agent forgets them in this order. */
size_t registrar_claimed(const struct registrar *registrar, const char *ret_ids[static REGISTRAR_CLAIMED_MAX])
{
    const struct claims *claims = &registrar->claims;
    size_t count = 0, under_way = 0;
    for (size_t i = 0; i < claims->count; i++) {
        under_way += claims->waiting[i].sent || claims->waiting[i].maybe;
    }
    under_way = under_way < REGISTRAR_CLAIMED_MAX ? under_way : REGISTRAR_CLAIMED_MAX;
    for (size_t i = under_way; claims->lately != NULL && i < REGISTRAR_CLAIMED_MAX; i++) {
        const struct claimed *each = &claims->lately[(claims->lately_count + i) % REGISTRAR_CLAIMED_MAX];
        if (registrar->now.boot < each->until_boot) {
            ret_ids[count++] = each->id;
        }
    }
    for (size_t i = 0; i < claims->count && count < REGISTRAR_CLAIMED_MAX; i++) {
        if (claims->waiting[i].sent || claims->waiting[i].maybe) {
            ret_ids[count++] = claims->waiting[i].id;
        }
    }
    return count;
}

/* ---- the end of a claim ---- */

static void answer(struct registrar *registrar, struct str id, uint64_t ticket,
                   enum registrar_claim_outcome outcome, const char *why)
{
    struct str text = queue_copy(registrar->effects, id);
    struct str cause = queue_copy(registrar->effects, str_of(why));
    struct registrar_effect *effect = registrar_emit(registrar, REGISTRAR_DO_CLAIMED);
    effect->ticket = ticket;
    effect->outcome = outcome;
    effect->text = text;
    effect->why = cause;
    registrar->claims.outcomes[outcome]++;
}

/* Ends claim `at`; the next one takes its place. */
static void end_claim(struct registrar *registrar, size_t at, enum registrar_claim_outcome outcome,
                      const char *why)
{
    struct claims *claims = &registrar->claims;
    struct claim ended = claims->waiting[at];
    if (outcome == REGISTRAR_CLAIMED || ended.sent || ended.maybe) {
        registrar_remember_claimed(registrar, ended.id);
    }
    claims->count--;
    memmove(claims->waiting + at, claims->waiting + at + 1, (claims->count - at) * sizeof(ended));
    answer(registrar, str_of(ended.id), ended.ticket, outcome, why);
}

static void end_all(struct registrar *registrar, const char *why)
{
    while (registrar->claims.count > 0) {
        end_claim(registrar, 0, REGISTRAR_CLAIM_AWAY, why);
    }
}

static const char *why_away(const struct registrar *registrar)
{
    const struct last_error *error =
        registrar->key_error.failing ? &registrar->key_error : &registrar->lease_error;
    return registrar->claims.error[0] != '\0' ? registrar->claims.error
           : error->failing                   ? error->text
           : registrar->wanted.value == NULL  ? "no record is published"
                                              : "the registry has not answered";
}

/* ---- what the seats key holds ---- */

static bool is_among(const struct str *ids, size_t count, struct str id)
{
    size_t i = 0;
    while (i < count && !str_eq(ids[i], id)) {
        i++;
    }
    return i < count;
}

void registrar_claims_forget(struct registrar *registrar)
{
    struct claims *claims = &registrar->claims;
    blob_unref(claims->value);
    claims->value = NULL;
    claims->seats_known = false;
    for (size_t i = 0; i < claims->count; i++) {
        claims->waiting[i].reserved = false;
    }
}

/* The seats key as read by read number `read`. */
static void learn_seats(struct registrar *registrar, const struct registrar_seats *seats, uint64_t read)
{
    struct claims *claims = &registrar->claims;
    registrar_claims_forget(registrar);
    claims->seats_known = true;
    claims->seats_there = seats->revision > 0;
    claims->revision = seats->revision;
    claims->value = blob_ref(seats->value);
    claims->backoff.failures = 0;
    claims->retry_mono = 0;
    claims->error[0] = '\0';
    for (size_t i = 0; i < claims->count;) {
        struct claim *claim = &claims->waiting[i];
        claim->reserved = is_among(seats->live, seats->live_count, str_of(claim->id));
        if (claim->reserved || claim->added_at >= read) {
            i++; /* it was allocated after that read, maybe */
        } else if (claim->maybe || find_lately(registrar, claim->id) != NULL) {
            end_claim(registrar, i, REGISTRAR_CLAIMED, "");
        } else {
            end_claim(registrar, i, REGISTRAR_CLAIM_UNKNOWN, "");
        }
    }
}

/* Players that a probe counts arrive in the order of their claims: each needs one more than the one before. */
static uint64_t needed(const struct claims *claims, const struct registrar_event *event)
{
    uint64_t most = event->players;
    for (size_t i = 0; i < claims->count; i++) {
        most = claims->waiting[i].needs > most ? claims->waiting[i].needs : most;
    }
    return event->counted ? most + 1 : 0;
}

void registrar_claims_counted(struct registrar *registrar, const struct registrar_event *offer)
{
    struct claims *claims = &registrar->claims;
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->waiting[i];
        claim->needs = offer->counted && offer->players < claim->needs ? claim->needs : 0;
    }
}

void registrar_on_claim(struct registrar *registrar, const struct registrar_event *event)
{
    struct claims *claims = &registrar->claims;
    const struct str id = event->claim;
    const uint64_t ticket = event->ticket;
    if (registrar->seats_key == NULL || id.size > RESERVATION_ID_MAX || !registrar_stays(registrar)) {
        answer(registrar, id, ticket, REGISTRAR_CLAIM_AWAY, "the agent ends, or publishes nothing");
        return;
    }
    if (claims->count == REGISTRAR_CLAIMS_MAX) {
        answer(registrar, id, ticket, REGISTRAR_CLAIM_AWAY, "too many claims wait");
        return;
    }
    const uint64_t needs = needed(claims, event);
    claims->waiting = mem_grow(claims->waiting, claims->count, &claims->capacity, sizeof(claims->waiting[0]));
    struct claim *claim = &claims->waiting[claims->count++];
    *claim = (struct claim){.ticket = ticket,
                            .due_mono = registrar->now.mono + WAIT_MS,
                            .needs = needs,
                            .added_at = claims->reads};
    brief_copy(claim->id, sizeof(claim->id), id);
}

/* ---- reading the seats key ---- */

static bool wants_read(const struct claims *claims)
{
    size_t i = 0;
    while (i < claims->count && claims->waiting[i].reserved) {
        i++;
    }
    return i < claims->count && claims->flight == 0;
}

static int64_t read_at(const struct claims *claims)
{
    int64_t slot = claims->next_read - (READ_BURST - 1) * READ_PERIOD_MS;
    return slot > claims->retry_mono ? slot : claims->retry_mono;
}

/* A write that claims is itself a read where it fails, and what it leaves is not known before its answer. It goes before the next
 * read: claims that follow each other closely must not keep it waiting. */
static bool may_read(const struct registrar *registrar)
{
    return wants_read(&registrar->claims) && !registrar->key.flight.claims &&
           !registrar_claims_ready(registrar);
}

bool registrar_claims_hold(const struct registrar *registrar, int64_t now)
{
    const struct claims *claims = &registrar->claims;
    bool reads = claims->count > 0 && claims->flight != 0 && !registrar_claims_ready(registrar);
    return reads || (may_read(registrar) && read_at(claims) <= now);
}

static struct registry_request *ask(struct registrar *registrar, enum registry_op op)
{
    struct claims *claims = &registrar->claims;
    claims->flight = ++registrar->last_id;
    claims->sent_mono = registrar->now.mono;
    struct registry_request *request = &registrar_emit(registrar, REGISTRAR_DO_REQUEST)->request;
    *request = (struct registry_request){.id = claims->flight,
                                         .op = op,
                                         .key = str_of(registrar->seats_key),
                                         .timeout_ms = registrar->request_timeout_ms};
    return request;
}

void registrar_claims_plan(struct registrar *registrar)
{
    struct claims *claims = &registrar->claims;
    int64_t now = registrar->now.mono;
    for (size_t i = 0; i < claims->count;) {
        const struct claim *claim = &claims->waiting[i];
        if (claim->due_mono > now) {
            i++;
        } else if (claim->reserved && claim->needs > 0) {
            /* The player is there, and not in the count: the seat stays reserved until it lapses. */
            end_claim(registrar, i, REGISTRAR_CLAIMED, "");
        } else {
            end_claim(registrar, i, REGISTRAR_CLAIM_AWAY, why_away(registrar));
        }
    }
    if (may_read(registrar) && read_at(claims) <= now) {
        if (claims->backoff.cap_ms == 0) {
            claims->backoff = RETRY_BACKOFF;
        }
        claims->next_read = (claims->next_read > now ? claims->next_read : now) + READ_PERIOD_MS;
        claims->reads++;
        ask(registrar, REGISTRY_GET);
    }
}

int64_t registrar_claims_deadline(const struct registrar *registrar)
{
    const struct claims *claims = &registrar->claims;
    int64_t due = may_read(registrar) ? read_at(claims) : NEVER_MS;
    for (size_t i = 0; i < claims->count; i++) {
        due = claims->waiting[i].due_mono < due ? claims->waiting[i].due_mono : due;
    }
    return due;
}

/* The seats key changed meanwhile: its removal is tried again, as no observer adds a reservation for a server that has gone. */
static void on_removal(struct registrar *registrar, const struct registry_reply *reply)
{
    struct claims *claims = &registrar->claims;
    claims->revision = reply->failure == REGISTRY_OK && !reply->succeeded ? reply->kv.mod_revision : 0;
    claims->seats_there = claims->revision > 0;
}

void registrar_on_seats(struct registrar *registrar, const struct registry_reply *reply,
                        const struct registrar_seats *seats)
{
    struct claims *claims = &registrar->claims;
    claims->flight = 0;
    if (reply->op == REGISTRY_DELETE) {
        on_removal(registrar, reply);
    } else if (reply->failure == REGISTRY_OK && seats != NULL &&
               lease_outdated(&registrar->lease, reply, claims->sent_mono) == NULL) {
        learn_seats(registrar, seats, claims->reads);
        claims->next_read -= registrar_claims_ready(registrar) ? READ_PERIOD_MS : 0;
    } else {
        brief_copy(claims->error, sizeof(claims->error), reply->error);
        claims->retry_mono =
            registrar->now.mono + retry_delay(&claims->backoff, reply->failure, &registrar->random);
        if (retry_is_slow(reply->failure)) {
            claims->retry_mono = 0; /* the next claim asks again */
            end_all(registrar, claims->error);
        }
    }
    if (!registrar_stays(registrar) && registrar->goal != REGISTRAR_WITHDRAW) {
        registrar_claims_leave(registrar);
    }
}

/* ---- the write ---- */

static bool may_go(const struct claim *claim)
{
    return claim->reserved && claim->needs == 0;
}

bool registrar_claims_ready(const struct registrar *registrar)
{
    const struct claims *claims = &registrar->claims;
    for (size_t i = 0; claims->seats_known && i < claims->count; i++) {
        if (may_go(&claims->waiting[i])) {
            return true;
        }
    }
    return false;
}

const struct registrar_claim_write *registrar_claims_send(struct registrar *registrar)
{
    struct claims *claims = &registrar->claims;
    struct registrar_claim_write *write = &claims->write;
    struct key_flight *flight = &registrar->key.flight;
    if (!registrar_claims_ready(registrar)) {
        return NULL;
    }
    blob_unref(write->value);
    *write = (struct registrar_claim_write){.revision = claims->revision, .value = blob_ref(claims->value)};
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->waiting[i];
        struct str id = str_of(claim->id);
        bool again = may_go(claim) && is_among(write->ids, write->count, id);
        claim->sent = may_go(claim) && (again || write->count < REGISTRAR_CLAIMS_OF_WRITE);
        if (claim->sent && !again) {
            write->ids[write->count++] = queue_copy(registrar->effects, id);
        }
    }
    flight->claims = true;
    flight->expect_revision = registrar->key.revision;
    flight->seats_read = ++claims->reads;
    /* Where the answer is lost with this agent, the next one knows what was claimed; and it does not go back to fewer players,
     * while a seat that was reserved for one of them is free. */
    registrar_emit(registrar, REGISTRAR_DO_SAVE)->urgent = true;
    return write;
}

/* The claims of the write that ended count as sent no more. */
static void unsend(struct registrar *registrar, bool maybe)
{
    struct claims *claims = &registrar->claims;
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->waiting[i];
        claim->maybe = claim->maybe || (claim->sent && maybe);
        claim->sent = false;
    }
}

void registrar_claims_written(struct registrar *registrar, int64_t revision)
{
    struct claims *claims = &registrar->claims;
    for (size_t i = 0; i < claims->count;) {
        if (claims->waiting[i].sent) {
            end_claim(registrar, i, REGISTRAR_CLAIMED, "");
        } else {
            i++;
        }
    }
    registrar_claims_forget(registrar);
    claims->revision = revision;
}

void registrar_claims_missed(struct registrar *registrar, const struct key_flight *flight,
                             const struct registry_kv *record, const struct registrar_seats *seats)
{
    /* The write may have arrived twice, and this is the answer to the second: then the record is as it wrote it. */
    bool done = record->found && record->mod_revision != flight->expect_revision &&
                str_eq(record->value, blob_view(flight->value));
    unsend(registrar, done);
    if (seats != NULL) {
        learn_seats(registrar, seats, flight->seats_read);
    } else {
        registrar_claims_forget(registrar);
    }
}

void registrar_claims_failed(struct registrar *registrar, enum registry_failure failure, struct str error)
{
    struct claims *claims = &registrar->claims;
    char why[sizeof(claims->error)];
    brief_copy(why, sizeof(why), error);
    for (size_t i = 0; i < claims->count && retry_is_slow(failure);) {
        if (claims->waiting[i].sent) {
            end_claim(registrar, i, REGISTRAR_CLAIM_AWAY, why);
        } else {
            i++;
        }
    }
    unsend(registrar, failure != REGISTRY_RETRY && failure != REGISTRY_LEASE_LOST);
}

/* ---- the end ---- */

void registrar_claims_leave(struct registrar *registrar)
{
    struct claims *claims = &registrar->claims;
    end_all(registrar, "the agent ends");
    if (claims->seats_there && claims->flight == 0) {
        claims->seats_there = false;
        ask(registrar, REGISTRY_DELETE)->expect_revision = claims->revision;
    }
}
