#include "redis_connection_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_cluster.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

void redis_calls_init(struct redis_calls *calls)
{
    *calls = (struct redis_calls){.end = &calls->first};
}

void redis_calls_add(struct redis_calls *calls, struct redis_call *call)
{
    call->next = NULL;
    *calls->end = call;
    calls->end = &call->next;
    calls->count++;
}

struct redis_call *redis_calls_take(struct redis_calls *calls)
{
    struct redis_call *call = calls->first;
    if (call != NULL) {
        calls->first = call->next;
        calls->end = calls->first == NULL ? &calls->first : calls->end;
        calls->count--;
        call->next = NULL;
    }
    return call;
}

/* A script is called by EVALSHA NAME or EVAL SOURCE, two arguments before those of the caller. */
enum { SCRIPT_ARGS = 2 };

struct redis_call *redis_call_new(const struct redis_command *command, bool has_slot, redis_result_fn *fn,
                                  void *user)
{
    size_t before = command->script != NULL ? SCRIPT_ARGS : 0;
    size_t count = before + command->count;
    size_t bytes = 0;
    for (size_t i = 0; i < command->count; i++) {
        bytes += command->args[i].size;
    }
    struct redis_call *call = mem_zalloc(sizeof(*call) + count * sizeof(call->args[0]) + bytes);
    char *at = (char *)(call->args + count);
    for (size_t i = 0; i < command->count; i++) {
        if (command->args[i].size > 0) {
            memcpy(at, command->args[i].data, command->args[i].size);
        }
        call->args[before + i] = (struct str){at, command->args[i].size};
        at += command->args[i].size;
    }
    call->count = count;
    call->bytes = bytes + sizeof(*call) + count * sizeof(call->args[0]);
    call->script = command->script;
    call->repeatable = command->repeatable;
    call->has_key = command->key.size > 0;
    call->slot = has_slot ? redis_slot(command->key) : 0;
    call->started_us = clock_mono_us();
    call->deadline_us = call->started_us + command->timeout_ms * 1000;
    call->fn = fn;
    call->user = user;
    return call;
}

void redis_call_free(struct redis_call *call)
{
    free(call);
}
