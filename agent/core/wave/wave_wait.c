#include "outrider/core/wave/wave_wait.h"

#include "outrider/base/duration.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const char *wave_wait_name(enum wave_wait_for what)
{
    static const char *const names[WAVE_FOR_COUNT] = {"driver", "operator",    "view",      "players",
                                                      "settle", "maxDraining", "freeSeats", "pause"};
    return names[what];
}

static void add(struct wave_wait *wait, enum wave_wait_for what)
{
    wait->what |= 1U << what;
}

static bool has(const struct wave_wait *wait, enum wave_wait_for what)
{
    return (wait->what & (1U << what)) != 0;
}

/* ---- what holds it up ---- */

/* A held server. Whether a failed one has been empty for long enough only the driver knows: it counts while it is seen with players. */
static bool counts(const struct wave_server *server, const struct wave_seen *seen)
{
    bool empty = seen != NULL && seen->has_players && seen->players == 0 && seen->status != STATUS_READY;
    return server->held &&
           (server->state == WAVE_DRAINING || (server->state == WAVE_FAILED && seen != NULL && !empty));
}

static void look_at_held(struct wave_wait *wait, const struct wave_seen *seen)
{
    if (seen == NULL) {
        add(wait, WAVE_FOR_DRIVER); /* which is about to see that it has gone */
    } else if (seen->has_players && seen->players == 0) {
        wait->settling++;
        add(wait, WAVE_FOR_SETTLE);
    } else {
        wait->draining++;
        wait->players += seen->has_players ? seen->players : 0;
        wait->unknown += seen->has_players ? 0 : 1;
        add(wait, WAVE_FOR_PLAYERS);
    }
}

/* The server whose turn it is. */
static void look_at_next(struct wave_wait *wait, const struct wave_server *server,
                         const struct wave_fleet *fleet, size_t under_way, size_t limit)
{
    const struct wave_seen *seen = wave_find(fleet, str_of(server->place));
    uint32_t own = seen == NULL || seen->status != STATUS_READY || seen->held ? 0 : wave_seats_of(seen);
    wait->free_seats = seen == NULL ? 0 : wave_free_seats(fleet, seen->type, seen->region);
    bool below =
        own > 0 && wait->wave->spec.free_seats > 0 && wait->free_seats - own < wait->wave->spec.free_seats;
    if (seen != NULL && under_way >= limit) {
        wait->next = server->place;
        add(wait, WAVE_FOR_MAX_DRAINING);
    } else if (below) {
        wait->next = server->place;
        add(wait, WAVE_FOR_FREE_SEATS);
    } else {
        add(wait, WAVE_FOR_DRIVER);
    }
}

static void look_at_wave(struct wave_wait *wait, const struct wave *wave, const struct wave_fleet *fleet)
{
    size_t size = wave_size(&wave->spec, wave->count), first = wave->wave * size, under_way = 0;
    const struct wave_server *next = NULL;
    for (size_t i = 0; i < wave->count; i++) {
        const struct wave_server *server = &wave->servers[i];
        const struct wave_seen *seen = wave_find(fleet, str_of(server->place));
        under_way += counts(server, seen) ? 1 : 0;
        if (server->state == WAVE_DRAINING) {
            look_at_held(wait, seen);
        }
        bool waits = server->state == WAVE_WAITING && i >= first && i < first + size;
        next = waits && next == NULL ? server : next;
    }
    if (next != NULL) {
        look_at_next(wait, next, fleet, under_way,
                     wave->spec.max_draining > 0 ? wave->spec.max_draining : size);
    }
}

void wave_waits(const struct wave *wave, const struct wave_fleet *fleet, const struct instant *now,
                struct wave_wait *ret_wait)
{
    *ret_wait = (struct wave_wait){.wave = wave};
    if (wave_is_over(wave)) {
        return;
    }
    if (wave->state == WAVE_PAUSED || wave->state == WAVE_STOPPED) {
        add(ret_wait, WAVE_FOR_OPERATOR);
    } else if (wave->state != WAVE_RUNNING) {
        add(ret_wait, WAVE_FOR_DRIVER);
    } else if (fleet == NULL) {
        add(ret_wait, WAVE_FOR_VIEW);
    } else {
        look_at_wave(ret_wait, wave, fleet);
    }
    if (ret_wait->what == 0 && wave->pause_until_wall > now->wall) {
        ret_wait->until_wall = wave->pause_until_wall;
        ret_wait->left_ms = wave->pause_until_wall - now->wall;
        add(ret_wait, WAVE_FOR_PAUSE);
    } else if (ret_wait->what == 0) {
        add(ret_wait, WAVE_FOR_DRIVER);
    }
}

/* ---- for people ---- */

/* A text that grows piece by piece, which are separated by semicolons; what has no room is cut. */
struct sentence {
    char *text;
    size_t size;
};

static void say(struct sentence *sentence, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct sentence *sentence, const char *format, ...)
{
    va_list args;
    char piece[WAVE_WAIT_TEXT / 2];
    va_start(args, format);
    vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    int more = snprintf(sentence->text + sentence->size, WAVE_WAIT_TEXT - sentence->size, "%s%s",
                        sentence->size > 0 ? "; " : "", piece);
    size_t size = sentence->size + (size_t)more;
    sentence->size = size < WAVE_WAIT_TEXT ? size : WAVE_WAIT_TEXT - 1;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void say_players(struct sentence *sentence, const struct wave_wait *wait)
{
    if (wait->unknown == wait->draining) {
        say(sentence, "%zu server%s that %s not tell how many players there are", wait->unknown,
            plural(wait->unknown), wait->unknown == 1 ? "does" : "do");
    } else {
        say(sentence, "%" PRIu64 " player%s to leave %zu server%s", wait->players, plural(wait->players),
            wait->draining - wait->unknown, plural(wait->draining - wait->unknown));
    }
}

void wave_wait_text(const struct wave_wait *wait, char ret_text[static WAVE_WAIT_TEXT])
{
    struct sentence sentence = {.text = ret_text};
    char span[24];
    ret_text[0] = '\0';
    if (has(wait, WAVE_FOR_OPERATOR)) {
        say(&sentence, wait->wave->state == WAVE_STOPPED
                           ? "an operator to resume, cancel or undo it: an error stopped it"
                           : "an operator to resume it");
    }
    if (has(wait, WAVE_FOR_VIEW)) {
        say(&sentence, "the fleet, which this agent does not know for certain just now");
    }
    if (has(wait, WAVE_FOR_PLAYERS)) {
        say_players(&sentence, wait);
    }
    if (has(wait, WAVE_FOR_SETTLE)) {
        say(&sentence, "%zu server%s to stay without players for %s", wait->settling, plural(wait->settling),
            duration_format(wait->wave->spec.settle_ms, span));
    }
    if (has(wait, WAVE_FOR_MAX_DRAINING)) {
        say(&sentence, "a place for %s: as many are held as may be at once", wait->next);
    }
    if (has(wait, WAVE_FOR_FREE_SEATS)) {
        say(&sentence,
            "seats: without %s fewer than %" PRIu32 " would be free of the %" PRIu64
            " of its type and region",
            wait->next, wait->wave->spec.free_seats, wait->free_seats);
    }
    if (has(wait, WAVE_FOR_PAUSE)) {
        int64_t seconds = (wait->left_ms + 999) / 1000 * 1000;
        say(&sentence, "the pause after wave %" PRIu32 ", another %s", wait->wave->wave + 1,
            duration_format(seconds, span));
    }
    if (has(wait, WAVE_FOR_DRIVER) && sentence.size == 0) {
        say(&sentence, wait->wave->state == WAVE_PLANNED
                           ? "an observer to take it up"
                           : "the observer that drives it to make the next step");
    }
}
