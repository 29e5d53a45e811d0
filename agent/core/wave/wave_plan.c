#include "outrider/core/wave/wave_plan.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *wave_warning_name(enum wave_warning warning)
{
    static const char *const names[WAVE_WARNING_COUNT] = {[WAVE_WARN_ERROR] = "error",
                                                          [WAVE_WARN_HELD] = "held",
                                                          [WAVE_WARN_PLAYERS_UNKNOWN] = "playersUnknown",
                                                          [WAVE_WARN_KEPT] = "kept",
                                                          [WAVE_WARN_NOT_READY] = "notReady"};
    return names[warning];
}

/* The marks are not set yet by this plan. */
static void hash(struct wave_plan *plan)
{
    struct buf text = {0};
    for (size_t i = 0; i < plan->count; i++) {
        const struct wave_seen *seen = plan->servers[i].seen;
        buf_printf(&text, "%.*s %u %d %.*s\n", STR_ARG(seen->place), seen->status, seen->held,
                   STR_ARG(seen->zone));
    }
    snprintf(plan->hash, sizeof(plan->hash), "%016" PRIx64, str_xxh3(buf_view(&text)));
    buf_fini(&text);
}

/* Warns, and marks it where it would be held. */
static void plan_server(const struct wave_spec *spec, struct wave_fleet *fleet, struct wave_planned *planned,
                        struct wave_seen *seen)
{
    bool kept = spec->keep_one && wave_is_last(fleet, seen);
    bool fails = seen->status == STATUS_ERROR;
    planned->warnings |= fails ? 1U << WAVE_WARN_ERROR : 0;
    planned->warnings |= seen->held ? 1U << WAVE_WARN_HELD : 0;
    planned->warnings |= kept && !seen->held ? 1U << WAVE_WARN_KEPT : 0;
    planned->warnings |= seen->has_players ? 0 : 1U << WAVE_WARN_PLAYERS_UNKNOWN;
    planned->warnings |= seen->status == STATUS_INITIALIZING || seen->status == STATUS_SHUTTING_DOWN
                             ? 1U << WAVE_WARN_NOT_READY
                             : 0;
    seen->held = seen->held || (!kept && !fails);
}

static void plan_wave(const struct wave_spec *spec, struct wave_fleet *fleet, struct wave_plan *plan,
                      struct wave_planned_wave *wave)
{
    wave->free_seats = UINT64_MAX;
    for (size_t i = wave->first; i < wave->first + wave->count; i++) {
        const struct wave_seen *seen = plan->servers[i].seen;
        uint64_t seats = wave_free_seats(fleet, seen->type, seen->region);
        wave->players += seen->has_players ? seen->players : 0;
        wave->free_seats = seats < wave->free_seats ? seats : wave->free_seats;
    }
    wave->below_floor = wave->free_seats < spec->free_seats;
}

void wave_plan_make(const struct wave_spec *spec, struct wave_fleet *fleet, const size_t *chosen,
                    size_t count, struct wave_plan *ret_plan)
{
    size_t size = wave_size(spec, count), waves = (count + size - 1) / size;
    *ret_plan = (struct wave_plan){.count = count, .wave_count = waves};
    ret_plan->servers = mem_zalloc(count * sizeof(ret_plan->servers[0]));
    ret_plan->waves = mem_zalloc(waves * sizeof(ret_plan->waves[0]));
    for (size_t i = 0; i < count; i++) {
        ret_plan->servers[i] = (struct wave_planned){.seen = &fleet->servers[chosen[i]], .wave = i / size};
    }
    hash(ret_plan);
    for (size_t at = 0; at < waves; at++) {
        struct wave_planned_wave *wave = &ret_plan->waves[at];
        wave->first = at * size;
        wave->count = wave->first + size < count ? size : count - wave->first;
        bool *was = mem_zalloc(wave->count * sizeof(*was));
        for (size_t i = 0; i < wave->count; i++) {
            struct wave_seen *seen = &fleet->servers[chosen[wave->first + i]];
            was[i] = seen->held;
            plan_server(spec, fleet, &ret_plan->servers[wave->first + i], seen);
        }
        plan_wave(spec, fleet, ret_plan, wave);
        for (size_t i = 0; i < wave->count && spec->undrain; i++) {
            fleet->servers[chosen[wave->first + i]].held = was[i];
        }
        free(was);
    }
}

void wave_plan_fini(struct wave_plan *plan)
{
    if (plan != NULL) {
        free(plan->servers);
        free(plan->waves);
        *plan = (struct wave_plan){0};
    }
}
