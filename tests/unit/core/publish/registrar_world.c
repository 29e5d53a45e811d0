#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registrar_world.h"

void world_begin(struct world *w, int64_t heartbeat_ms)
{
    *w = (struct world){.now = {.mono = 10000, .boot = 500000, .wall = 9000000}};
    struct registrar_settings settings = {.key = "/s/w/1",
                                          .seats_key = "/o/seats/w/1",
                                          .ttl_ms = 10000,
                                          .heartbeat_ms = heartbeat_ms,
                                          .request_timeout_ms = 1500,
                                          .min_publish_interval_ms = 5000,
                                          .seed = 1,
                                          .can = REGISTRY_CAN_ALL};
    w->registrar = registrar_new(&settings);
    queue_init(&w->effects, sizeof(struct registrar_effect));
}

void world_finish(struct world *w)
{
    registrar_free(w->registrar);
    queue_fini(&w->effects);
}

void world_step(struct world *w, struct registrar_event event)
{
    event.now = w->now;
    registrar_step(w->registrar, &event, &w->effects);
    struct registrar_effect effect;
    size_t size = 0;
    while (queue_take(&w->effects, &effect)) {
        char mark = effect.type == REGISTRAR_DO_REQUEST    ? 'R'
                    : effect.type == REGISTRAR_DO_SAVE_DUE ? 'd'
                    : effect.type != REGISTRAR_DO_SAVE     ? '\0'
                    : effect.urgent                        ? 'S'
                                                           : 's';
        if (mark != '\0' && size + 1 < sizeof(w->order)) {
            w->order[size++] = mark;
        }
        if (effect.type == REGISTRAR_DO_REQUEST) {
            w->asked = effect.request;
            w->requests++;
            blob_unref(effect.request.value);
        } else if (effect.type == REGISTRAR_DO_NOTE && effect.note != REGISTRAR_NOTE_LEASE_MOVED) {
            w->note = effect.note;
            w->notes++;
        }
    }
    w->order[size] = '\0';
}

void world_offer(struct world *w, const char *value, bool urgent)
{
    struct blob *blob = blob_new(str_of(value));
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_OFFER, .value = blob, .urgent = urgent});
    blob_unref(blob);
}

void world_reply(struct world *w, struct registry_reply reply)
{
    reply.id = w->asked.id;
    reply.op = w->asked.op;
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .reply = &reply});
}

void world_register_it(struct world *w)
{
    world_offer(w, "one", true);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    world_reply(w, (struct registry_reply){.ttl_ms = 12000});
    assert_int_equal(w->asked.op, REGISTRY_PUT);
    assert_int_equal(w->asked.expect_revision, 0);
    world_reply(w, (struct registry_reply){.succeeded = true, .revision = 5});
}
