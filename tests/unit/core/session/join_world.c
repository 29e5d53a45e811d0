#include "join_world.h"

#include "outrider/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void begin_with(struct join_world *world, bool leave, int64_t ttl_ms)
{
    join_fini(&world->join);
    join_init(&world->join,
              &(struct join_settings){
                  .limit_ms = 5000, .ttl_ms = ttl_ms, .settle_ms = 1000, .leave = leave, .seed = 7});
    world->seat_count = 0;
}

void begin(struct join_world *world)
{
    begin_with(world, false, 30000);
}

int join_world_set_up(void **state)
{
    struct join_world *world = mem_zalloc(sizeof(*world));
    queue_init(&world->effects, sizeof(struct join_effect));
    world->now = (struct instant){.mono = 1000, .boot = 1000, .wall = 1700000000000};
    begin(world);
    *state = world;
    return 0;
}

int join_world_tear_down(void **state)
{
    struct join_world *world = *state;
    join_fini(&world->join);
    queue_fini(&world->effects);
    buf_fini(&world->text);
    free(world);
    return 0;
}

static size_t seat_number(struct join_world *world, struct str seat)
{
    for (size_t i = 0; i < world->seat_count; i++) {
        if (str_eq(seat, str_of(world->seats[i]))) {
            return i + 1;
        }
    }
    assert_int_equal(seat.size, ULID_LENGTH);
    assert_true(world->seat_count < SEATS);
    snprintf(world->seats[world->seat_count], sizeof(world->seats[0]), "%.*s", STR_ARG(seat));
    return ++world->seat_count;
}

static void add_place(struct buf *out, const char *before, struct str text)
{
    if (text.size > 0) {
        buf_printf(out, " %s %.*s", before, STR_ARG(text));
    }
}

static void add_effect(struct join_world *world, const struct join_effect *effect)
{
    static const char *const words[] = {
        [JOIN_DO_FIND] = "find",   [JOIN_DO_TOUCH] = "touch",     [JOIN_DO_ALLOCATE] = "allocate",
        [JOIN_DO_STORE] = "store", [JOIN_DO_RELEASE] = "release", [JOIN_DO_ANSWER] = "answer",
        [JOIN_DO_FREE] = "free",   [JOIN_DO_READ] = "read",
    };
    struct buf *out = &world->text;
    buf_printf(out, "%s%s", out->size > 0 ? ", " : "", words[effect->type]);
    if (effect->type == JOIN_DO_ANSWER) {
        buf_printf(out, " %s", join_outcome_name(effect->outcome));
    }
    if (effect->type == JOIN_DO_TOUCH) {
        add_place(out, "of", effect->session);
    } else if (effect->type == JOIN_DO_READ) {
        add_place(out, "of", effect->seat);
    } else if (effect->type == JOIN_DO_ANSWER && effect->outcome != JOIN_PLACED) {
        add_place(out, "with", effect->seat);
    } else if (effect->type != JOIN_DO_FIND && effect->type != JOIN_DO_FREE && effect->seat.size > 0) {
        buf_printf(out, " %zu", seat_number(world, effect->seat));
    }
    if (effect->type != JOIN_DO_ALLOCATE && effect->type != JOIN_DO_FIND && effect->type != JOIN_DO_TOUCH) {
        add_place(out, "at", effect->server);
    }
    if (effect->type == JOIN_DO_STORE) {
        add_place(out, "for", effect->session);
    }
    if (effect->type == JOIN_DO_ALLOCATE) {
        add_place(out, "not", effect->from);
    } else if (effect->type == JOIN_DO_ANSWER) {
        add_place(out, "from", effect->from);
    }
}

const char *step(struct join_world *world, struct join_event event)
{
    struct join_effect effect;
    event.now = world->now;
    join_step(&world->join, &event, &world->effects);
    buf_clear(&world->text);
    while (queue_take(&world->effects, &effect)) {
        add_effect(world, &effect);
    }
    return buf_text(&world->text);
}

const char *tell(struct join_world *world, enum join_event_type type)
{
    return step(world, (struct join_event){.type = type});
}

const char *found(struct join_world *world, const char *session, const char *server,
                  enum join_standing standing)
{
    return step(world, (struct join_event){.type = JOIN_ON_FOUND,
                                           .session = str_of(session),
                                           .server = str_of(server),
                                           .standing = standing});
}

const char *allocated(struct join_world *world, const char *server)
{
    return step(world, (struct join_event){.type = JOIN_ON_ALLOCATED, .server = str_of(server)});
}

const char *fails(struct join_world *world, enum join_trouble trouble)
{
    return step(world, (struct join_event){.type = JOIN_ON_FAILED, .trouble = trouble});
}

void to_allocate(struct join_world *world)
{
    tell(world, JOIN_ON_START);
    tell(world, JOIN_ON_NONE);
}

void to_store(struct join_world *world)
{
    to_allocate(world);
    allocated(world, "world/a");
}

const char *wait(struct join_world *world)
{
    struct window window = join_deadline(&world->join);
    assert_true(window.latest != NEVER_MS && window.latest > world->now.mono);
    world->now.mono = window.latest;
    return tell(world, JOIN_ON_TICK);
}

const char *after(struct join_world *world, int64_t ms)
{
    world->now.mono += ms;
    return tell(world, JOIN_ON_TICK);
}
