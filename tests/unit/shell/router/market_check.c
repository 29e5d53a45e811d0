#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "market.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what must hold ---- */

static bool is_meant(const struct market *market, const struct promise *promise)
{
    return !promise->over && market->now.wall + promise->skew < promise->until;
}

int64_t market_skew(const struct market *market, const char *by)
{
    return market->agents[by[1] - '0'].skew;
}

/* A list has an entry only where the key of its id names this server, or is gone. */
static void check_id(struct market *market, const char *server, const char *id)
{
    char key[128];
    struct error err;
    struct reservation_place place;
    snprintf(key, sizeof(key), "/o/seat-ids/world/%s", id);
    struct registry_kv kv = memory_read(market->registry, str_of(key));
    if (kv.found) {
        assert_int_equal(seat_id_decode(kv.value, &place, &err), 0);
        assert_string_equal(place.server, server);
    }
}

static void check_server(struct market *market, unsigned number, const char **seen, size_t *count)
{
    char server[8];
    struct reservations list = {0};
    uint32_t used = market->gone[number] ? 0 : market->players[number];
    snprintf(server, sizeof(server), "w%u", number);
    market_read_list(market, server, &list);
    for (size_t i = 0; i < list.count; i++) {
        const struct reservation *entry = &list.items[i];
        check_id(market, server, entry->id);
        if (market->now.wall + market_skew(market, entry->by) < entry->until_wall) {
            used += entry->seats;
            for (size_t other = 0; other < *count && !market->gone[number]; other++) {
                assert_string_not_equal(seen[other], entry->id);
            }
            seen[(*count)++] = market->gone[number] ? "" : mem_strdup(entry->id);
        }
    }
    if (used > CAPACITY) {
        fail_msg("seed %llu: %s has %u of %d", (unsigned long long)market->seed, server, used, CAPACITY);
    }
    reservations_fini(&list);
}

void market_check(struct market *market)
{
    const char *seen[SERVERS * CAPACITY * 2];
    size_t count = 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        check_server(market, i, seen, &count);
    }
    for (size_t i = 0; i < count; i++) {
        if (seen[i][0] != '\0') {
            free((void *)(uintptr_t)seen[i]);
        }
    }
    for (size_t i = 0; i < market->promise_count; i++) {
        const struct promise *promise = &market->promises[i];
        if (!is_meant(market, promise)) {
            continue;
        }
        struct reservations list = {0};
        market_read_list(market, promise->server, &list);
        const struct reservation *entry = reservations_find(&list, str_of(promise->id));
        if (entry == NULL || entry->seats != promise->seats || entry->until_wall < promise->until) {
            fail_msg("seed %llu: the promise %s on %s of %u until %lld is broken: %u until %lld, it is %lld",
                     (unsigned long long)market->seed, promise->id, promise->server, promise->seats,
                     (long long)promise->until, entry == NULL ? 0 : entry->seats,
                     (long long)(entry == NULL ? 0 : entry->until_wall),
                     (long long)(market->now.wall + promise->skew));
        }
        reservations_fini(&list);
    }
}

void market_run(struct market *market)
{
    while (memory_run(market->registry) > 0) {
    }
    market_check(market);
}
