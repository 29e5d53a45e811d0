#include "fake_effects.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake_call *remember(struct effects *effects, enum fake_type type)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
        effects->calls = mem_resize(effects->calls, effects->capacity, sizeof(effects->calls[0]));
    }
    struct fake_call *call = &effects->calls[effects->count++];
    *call = (struct fake_call){.type = type};
    return call;
}

static void keep_text(struct fake_call *call, struct str text)
{
    snprintf(call->text, sizeof(call->text), "%.*s", STR_ARG(text));
}

bool fake_effects_take(struct effects *effects, struct fake_call *ret_call)
{
    if (effects->first == effects->count) {
        effects->first = effects->count = 0;
        return false;
    }
    *ret_call = effects->calls[effects->first++];
    return true;
}

void fake_call_fini(struct fake_call *call)
{
    blob_unref(call->request.value);
    registry_txn_free((struct registry_txn *)(uintptr_t)call->request.txn);
    call->request.value = NULL;
    call->request.txn = NULL;
}

void fake_call_own(struct fake_call *copy)
{
    blob_ref(copy->request.value);
    copy->request.txn = copy->request.txn == NULL ? NULL : registry_txn_copy(copy->request.txn);
}

void fake_effects_fini(struct effects *effects)
{
    struct fake_call call;
    while (fake_effects_take(effects, &call)) {
        fake_call_fini(&call);
    }
    free(effects->calls);
    *effects = (struct effects){0};
}

void effects_try(struct effects *effects, unsigned index, uint64_t try_id, const struct config_probe *probe)
{
    struct fake_call *call = remember(effects, FAKE_TRY);
    call->index = index;
    call->try_id = try_id;
    call->timeout_ms = probe->timeout_ms;
    keep_text(call, str_of(probe->name));
}

void effects_cancel_tries(struct effects *effects)
{
    remember(effects, FAKE_CANCEL_TRIES);
}

void effects_request(struct effects *effects, enum router_client client,
                     const struct registry_request *request)
{
    struct fake_call *call = remember(effects, FAKE_REQUEST);
    call->client = client;
    call->request = *request;
    fake_call_own(call);
    if (call->request.txn != NULL) {
        call->request.value = blob_ref(call->request.txn->then[0].value);
    }
    keep_text(call, request->key);
    call->control = strstr(call->text, "/control/") != NULL;
    call->seats = strstr(call->text, "/seats/") != NULL;
    call->request.key = (struct str){NULL, 0};
}

void effects_watch(struct effects *effects, const struct registry_watch *watch)
{
    struct fake_call *call = remember(effects, FAKE_WATCH);
    call->watch_id = watch->id;
    call->timeout_ms = watch->timeout_ms;
    keep_text(call, watch->ranges[0].key);
}

void effects_unwatch(struct effects *effects, uint64_t id)
{
    remember(effects, FAKE_UNWATCH)->watch_id = id;
}

void effects_watch_pid(struct effects *effects, pid_t pid)
{
    remember(effects, FAKE_WATCH_PID)->pid = pid;
}

void effects_terminate(struct effects *effects, pid_t pid)
{
    remember(effects, FAKE_TERMINATE)->pid = pid;
}

void effects_look_up_host(struct effects *effects)
{
    remember(effects, FAKE_LOOK_UP_HOST);
}

void effects_emit_drain(struct effects *effects, bool on, int64_t left_ms, struct str reason)
{
    struct fake_call *call = remember(effects, FAKE_TELL_DRAIN);
    call->on = on;
    call->left_ms = left_ms;
    keep_text(call, reason);
}

void effects_save(struct effects *effects, enum effects_save when)
{
    if (when == EFFECTS_SAVE_BEFORE_WRITE && !effects->unsaved) {
        return; /* nothing to save */
    }
    effects->unsaved = when == EFFECTS_SAVE_SOON;
    remember(effects, FAKE_SAVE)->save = when;
}

void effects_status_moved(struct effects *effects, enum status from, enum status to, struct str cause)
{
    struct fake_call *call = remember(effects, FAKE_STATUS);
    call->from = from;
    call->to = to;
    keep_text(call, cause);
}

void effects_note(struct effects *effects, enum registrar_note note, struct str text)
{
    if (note == REGISTRAR_NOTE_LEASE_MOVED) {
        return; /* for debugging only */
    }
    struct fake_call *call = remember(effects, FAKE_NOTE);
    call->note = note;
    keep_text(call, text);
}

void effects_intent_note(struct effects *effects, enum intent_note note, struct str text)
{
    struct fake_call *call = remember(effects, FAKE_INTENT_NOTE);
    call->intent_note = note;
    keep_text(call, text);
}

void effects_watch_note(struct effects *effects, enum follow_note note, struct str text)
{
    struct fake_call *call = remember(effects, FAKE_WATCH_NOTE);
    call->watch_note = note;
    keep_text(call, text);
}

void effects_drain_over(struct effects *effects, enum hold_kind kind, enum drain_outcome outcome)
{
    struct fake_call *call = remember(effects, FAKE_DRAIN_OVER);
    call->kind = kind;
    call->outcome = outcome;
}

void effects_claimed(struct effects *effects, uint64_t ticket, enum registrar_claim_outcome outcome,
                     struct str id, struct str why)
{
    struct fake_call *call = remember(effects, FAKE_CLAIMED);
    (void)ticket;
    call->claimed = outcome;
    snprintf(call->text, sizeof(call->text), "%.*s%s%.*s", STR_ARG(id), why.size > 0 ? ": " : "",
             STR_ARG(why));
}

void effects_exit(struct effects *effects, int code)
{
    remember(effects, FAKE_EXIT)->code = code;
}
