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
        end(waves, ask, WAVES_CONFLICT, NULL);
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
    char *key = mem_zalloc(strlen(waves->drains) + ULID_LENGTH + 1);
    snprintf(key, strlen(waves->drains) + ULID_LENGTH + 1, "%s%s", waves->drains, oldest->wave.id);
    write->keys[write->key_count++] = key;
    registry_txn_if(write->txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION,
                                                          .key = str_of(key),
                                                          .revision = oldest->revision});
    registry_txn_then(write->txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = str_of(key)});
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
    drop_oldest(waves, &ask->write);
    waves_submit_write(waves, &ask->write);
    return true;
}
