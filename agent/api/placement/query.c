/* What a request that places players asks for, from its parameters or the members of its body. */
#include "placement_internal.h"

#include "outrider/base/error.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/seats/reservation.h"

#include <string.h>

void placing_init(struct placing *placing, struct str type)
{
    memset(placing, 0, offsetof(struct placing, kept));
    placing->filter = filter_new();
    placing->query =
        (struct placement_query){.type = type, .filter = placing->filter, .seats = 1, .count = 1};
}

void placing_fini(struct placing *placing)
{
    filter_free(placing->filter);
}

static struct str keep(struct placing *placing, struct str value)
{
    if (!placing->keeps) {
        return value;
    }
    char *at = placing->kept + placing->kept_size;
    if (value.size > 0) {
        memcpy(at, value.data, value.size);
    }
    placing->kept_size += value.size;
    return (struct str){at, value.size};
}

static int once(bool *given, struct str name, struct error *err)
{
    if (*given) {
        return error_set(err, ERROR_INVALID, "`%.*s` is given twice", STR_ARG(name));
    }
    *given = true;
    return 0;
}

static int take_text(struct placing *placing, bool *given, struct str name, struct str value,
                     struct str *ret_text, struct error *err)
{
    if (value.size == 0 || value.size > PLACING_KEY_MAX) {
        return error_set(err, ERROR_LIMIT, "`%.*s` has 1 to %d bytes", STR_ARG(name), PLACING_KEY_MAX);
    }
    *ret_text = keep(placing, value);
    return once(given, name, err);
}

static int take_number(bool *given, struct str name, struct str value, uint64_t max, uint64_t *ret_number,
                       struct error *err)
{
    if (str_to_u64(value, max, ret_number) < 0 || *ret_number == 0) {
        return error_set(err, ERROR_INVALID, "`%.*s` is a number from 1 to %d", STR_ARG(name), (int)max);
    }
    return once(given, name, err);
}

static int take_strategy(struct placing *placing, struct str name, struct str value, struct error *err)
{
    if (placement_strategy_parse(value, &placing->query.strategy) < 0) {
        return error_set(err, ERROR_INVALID,
                         "`%.*s` is consistent_hash, least_connections, round_robin or packed",
                         STR_ARG(name));
    }
    return once(&placing->has_strategy, name, err);
}

static int take_near(struct placing *placing, struct str name, struct str value, struct error *err)
{
    struct str near, region = STR("region:");
    if (take_text(placing, &placing->has_near, name, value, &near, err) < 0) {
        return -1;
    }
    bool is_region = str_starts(near, region);
    struct str place = is_region ? (struct str){near.data + region.size, near.size - region.size} : near;
    *(is_region ? &placing->query.region : &placing->query.zone) = place;
    return place.size > 0 ? 0 : error_set(err, ERROR_INVALID, "`near` is a zone, or region:NAME");
}

static int take_exclude(struct placing *placing, struct str value, struct error *err)
{
    struct placement_query *query = &placing->query;
    if (query->exclude_count == PLACEMENT_EXCLUDE_MAX) {
        return error_set(err, ERROR_LIMIT, "`exclude` is given more than %d times", PLACEMENT_EXCLUDE_MAX);
    }
    query->exclude[query->exclude_count++] = keep(placing, value);
    return 0;
}

/* Those of the lists that choose no server: that would be ignored. */
static int take_filter(struct placing *placing, struct str name, struct str value, struct error *err)
{
    static const struct str others[] = {STR_INIT("type"), STR_INIT("status"), STR_INIT("include"),
                                        STR_INIT("limit"), STR_INIT("after")};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq(name, others[i])) {
            return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`", STR_ARG(name));
        }
    }
    return filter_add(placing->filter, name, value, err);
}

int placing_take(struct placing *placing, struct str name, struct str value, struct error *err)
{
    uint64_t number = 1;
    int result;
    if (str_eq(name, STR("_"))) { /* against caches */
        return 0;
    }
    if (str_eq(name, STR("key"))) {
        return take_text(placing, &placing->has_key, name, value, &placing->query.key, err);
    }
    if (str_eq(name, STR("player"))) {
        return take_text(placing, &placing->has_player, name, value, &placing->player, err);
    }
    if (str_eq(name, STR("strategy"))) {
        return take_strategy(placing, name, value, err);
    }
    if (str_eq(name, STR("near"))) {
        return take_near(placing, name, value, err);
    }
    if (str_eq(name, STR("exclude"))) {
        return take_exclude(placing, value, err);
    }
    if (str_eq(name, STR("seats"))) {
        result = take_number(&placing->has_seats, name, value, RESERVATION_SEATS_MAX, &number, err);
        placing->query.seats = (uint32_t)number;
        return result;
    }
    if (str_eq(name, STR("count"))) {
        result = take_number(&placing->has_count, name, value, PLACEMENT_COUNT_MAX, &number, err);
        placing->query.count = (size_t)number;
        return result;
    }
    return take_filter(placing, name, value, err);
}

/* What follows from the parameters together. */
int placing_complete(struct placing *placing, struct error *err)
{
    struct placement_query *query = &placing->query;
    bool has_key = placing->has_key || placing->has_player;
    query->key = placing->has_key ? query->key : placing->player;
    if (!placing->has_strategy) {
        query->strategy = has_key ? PLACEMENT_CONSISTENT_HASH : PLACEMENT_LEAST_CONNECTIONS;
    }
    if (query->strategy == PLACEMENT_CONSISTENT_HASH && !has_key) {
        return error_set(err, ERROR_INVALID, "strategy consistent_hash needs `key` or `player`");
    }
    return 0;
}
