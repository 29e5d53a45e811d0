/* What operators ask for: a new operation, or an order for one. Any observer writes it; the one that drives hears of it. */
#include "waves_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* Tries against others who change the same operation. */
enum { TRIES_MAX = 8 };

static void free_ask(struct waves_ask *ask)
{
    waves_end_write(&ask->write);
    free(ask);
}

void waves_free_asks(struct waves *waves)
{
    while (waves->asks != NULL) {
        struct waves_ask *ask = waves->asks;
        waves->asks = ask->next;
        free_ask(ask);
    }
}

/* Answers and frees. */
static void end(struct waves *waves, struct waves_ask *ask, enum waves_outcome outcome,
                const struct registry_reply *reply)
{
    const struct waves_operation *operation = waves_find_operation(waves, str_of(ask->id));
    struct waves_ask **at = &waves->asks;
    while (*at != ask) {
        at = &(*at)->next;
    }
    *at = ask->next;
    waves->ask_count--;
    struct waves_effect effect = {.type = WAVES_DO_ANSWER, .ticket = ask->ticket, .outcome = outcome};
    effect.wave = operation == NULL ? NULL : &operation->wave;
    if (outcome == WAVES_FAILED) {
        effect.failure = reply->failure;
        effect.text = reply->error.size > 0 ? reply->error : STR("no answer");
    }
    waves_carry_out(waves->owner, &effect);
    free_ask(ask);
}

/* One try of an order. */
static void try_order(struct waves *waves, struct waves_ask *ask, const struct instant *now)
{
    const struct waves_operation *operation = waves_find_operation(waves, str_of(ask->id));
    struct wave wave;
    if (operation == NULL) {
        end(waves, ask, WAVES_UNKNOWN_ID, NULL);
        return;
    }
    wave_copy(&operation->wave, &wave);
    int obeyed = wave_obey(&wave, ask->order, now->wall);
    if (obeyed <= 0 || ask->tries++ == TRIES_MAX) {
        wave_fini(&wave);
        end(waves, ask, obeyed == 0 ? WAVES_SO_ALREADY : obeyed < 0 ? WAVES_NOT_NOW : WAVES_CONFLICT, NULL);
        return;
    }
    waves_begin_write(waves, &ask->write, &wave, operation->revision, false);
    waves_submit_write(waves, &ask->write);
}

/* Whether the same request has made an operation already, which is then that of `ask`. */
static bool find_twin(const struct waves *waves, struct waves_ask *ask)
{
    const struct wave *wave = &ask->write.wave;
    for (int minutes = -1; minutes <= 1 && wave->key[0] != '\0'; minutes++) {
        char id[ULID_LENGTH + 1];
        wave_twin(wave, minutes, id);
        const struct waves_operation *twin = waves_find_operation(waves, str_of(id));
        if (twin != NULL && strcmp(twin->wave.key, wave->key) == 0 && strcmp(twin->wave.by, wave->by) == 0) {
            memcpy(ask->id, id, sizeof(id));
            return true;
        }
    }
    return false;
}

bool waves_reply_ask(struct waves *waves, const struct registry_reply *reply, const struct instant *now)
{
    struct waves_ask *ask = waves->asks;
    while (ask != NULL && ask->write.id != reply->id) {
        ask = ask->next;
    }
    if (ask == NULL) {
        return false;
    }
    if (reply->failure != REGISTRY_OK) {
        end(waves, ask, WAVES_FAILED, reply);
        return true;
    }
    waves_learn_write(waves, &ask->write, reply);
    if (reply->succeeded) {
        end(waves, ask, WAVES_WRITTEN, NULL);
    } else if (ask->creates) {
        end(waves, ask, find_twin(waves, ask) ? WAVES_SO_ALREADY : WAVES_CONFLICT, NULL);
    } else {
        waves_end_write(&ask->write);
        try_order(waves, ask, now);
    }
    return true;
}

static struct waves_ask *new_ask(struct waves *waves, struct str id, uint64_t ticket)
{
    if (waves->ask_count >= WAVES_ASKS_MAX) {
        return NULL;
    }
    struct waves_ask *ask = mem_zalloc(sizeof(*ask));
    ask->ticket = ticket;
    ask->next = waves->asks;
    snprintf(ask->id, sizeof(ask->id), "%.*s", STR_ARG(id));
    waves->asks = ask;
    waves->ask_count++;
    return ask;
}

bool waves_order(struct waves *waves, struct str id, enum wave_order order, uint64_t ticket,
                 const struct instant *now)
{
    struct waves_ask *ask = new_ask(waves, id, ticket);
    if (ask != NULL) {
        ask->order = order;
        try_order(waves, ask, now);
    }
    return ask != NULL;
}

/* One of the same request that came to another observer, a moment before or by another clock, is not there. */
static void exclude_twins(const struct waves *waves, struct waves_write *write)
{
    for (int minutes = -1; minutes <= 1 && write->wave.key[0] != '\0'; minutes += 2) {
        char id[ULID_LENGTH + 1];
        wave_twin(&write->wave, minutes, id);
        struct str key = waves_keep_key(write, waves->drains, id);
        registry_txn_if(write->txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION, .key = key});
        registry_txn_otherwise(write->txn, (struct registry_action){.kind = REGISTRY_READ, .key = key});
    }
}

/* Where there are many, the oldest that is over goes with the same transaction. */
static void drop_oldest(struct waves *waves, struct waves_write *write)
{
    const struct waves_operation *oldest = NULL;
    for (size_t i = 0; i < waves->count && oldest == NULL; i++) {
        oldest = wave_is_over(&waves->operations[i].wave) ? &waves->operations[i] : NULL;
    }
    if (waves->count < WAVES_OPERATIONS_MAX || oldest == NULL) {
        return;
    }
    struct str key = waves_keep_key(write, waves->drains, oldest->wave.id);
    registry_txn_if(write->txn, (struct registry_compare){
                                    .kind = REGISTRY_IF_REVISION, .key = key, .revision = oldest->revision});
    registry_txn_then(write->txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = key});
}

bool waves_create(struct waves *waves, const struct wave *wave, uint64_t ticket, const struct instant *now)
{
    struct waves_ask *ask = new_ask(waves, str_of(wave->id), ticket);
    struct wave copy;
    (void)now;
    if (ask == NULL) {
        return false;
    }
    ask->creates = true;
    wave_copy(wave, &copy);
    waves_begin_write(waves, &ask->write, &copy, 0, false);
    exclude_twins(waves, &ask->write);
    drop_oldest(waves, &ask->write);
    waves_submit_write(waves, &ask->write);
    return true;
}
