/* GET /api/route/{type}: which server for this player (docs/design/protocol.md, "Placement"). */
#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/placement/placement.h"
#include "outrider/io/http/http_parse.h"

#include <string.h>

enum { KEY_MAX = 1024, SEATS_MAX = 1000000, RETRY_AFTER_MS = 1000 };

/* What a request asks for. */
struct asked {
    struct placement_query query;
    struct filter *filter;
    struct str player;
    bool has_key, has_player, has_strategy, has_near, has_seats, has_count;
    char kept[HTTP_TARGET_MAX]; /* the texts, which are not longer than the target that they come from */
    size_t kept_size;
};

/* ---- parameters ---- */

static struct str keep(struct asked *asked, struct str value)
{
    char *at = asked->kept + asked->kept_size;
    if (value.size > 0) {
        memcpy(at, value.data, value.size);
    }
    asked->kept_size += value.size;
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

static int take_text(struct asked *asked, bool *given, struct str name, struct str value,
                     struct str *ret_text, struct error *err)
{
    if (value.size == 0 || value.size > KEY_MAX) {
        return error_set(err, ERROR_LIMIT, "`%.*s` has 1 to %d bytes", STR_ARG(name), KEY_MAX);
    }
    *ret_text = keep(asked, value);
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

static int take_strategy(struct asked *asked, struct str name, struct str value, struct error *err)
{
    if (placement_strategy_parse(value, &asked->query.strategy) < 0) {
        return error_set(err, ERROR_INVALID,
                         "`%.*s` is consistent_hash, least_connections, round_robin or packed",
                         STR_ARG(name));
    }
    return once(&asked->has_strategy, name, err);
}

static int take_near(struct asked *asked, struct str name, struct str value, struct error *err)
{
    struct str near, region = STR("region:");
    if (take_text(asked, &asked->has_near, name, value, &near, err) < 0) {
        return -1;
    }
    bool is_region = str_starts(near, region);
    struct str place = is_region ? (struct str){near.data + region.size, near.size - region.size} : near;
    *(is_region ? &asked->query.region : &asked->query.zone) = place;
    return place.size > 0 ? 0 : error_set(err, ERROR_INVALID, "`near` is a zone, or region:NAME");
}

static int take_exclude(struct asked *asked, struct str value, struct error *err)
{
    struct placement_query *query = &asked->query;
    if (query->exclude_count == PLACEMENT_EXCLUDE_MAX) {
        return error_set(err, ERROR_LIMIT, "`exclude` is given more than %d times", PLACEMENT_EXCLUDE_MAX);
    }
    query->exclude[query->exclude_count++] = keep(asked, value);
    return 0;
}

/* Those of the lists that choose no server: that would be ignored. */
static int take_filter(struct asked *asked, struct str name, struct str value, struct error *err)
{
    static const struct str others[] = {STR_INIT("type"), STR_INIT("status"), STR_INIT("include"),
                                        STR_INIT("limit"), STR_INIT("after")};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq(name, others[i])) {
            return error_set(err, ERROR_INVALID, "unknown parameter `%.*s`", STR_ARG(name));
        }
    }
    return filter_add(asked->filter, name, value, err);
}

static int take(struct asked *asked, struct str name, struct str value, struct error *err)
{
    uint64_t number = 1;
    int result;
    if (str_eq(name, STR("_"))) { /* against caches */
        return 0;
    }
    if (str_eq(name, STR("key"))) {
        return take_text(asked, &asked->has_key, name, value, &asked->query.key, err);
    }
    if (str_eq(name, STR("player"))) {
        return take_text(asked, &asked->has_player, name, value, &asked->player, err);
    }
    if (str_eq(name, STR("strategy"))) {
        return take_strategy(asked, name, value, err);
    }
    if (str_eq(name, STR("near"))) {
        return take_near(asked, name, value, err);
    }
    if (str_eq(name, STR("exclude"))) {
        return take_exclude(asked, value, err);
    }
    if (str_eq(name, STR("seats"))) {
        result = take_number(&asked->has_seats, name, value, SEATS_MAX, &number, err);
        asked->query.seats = (uint32_t)number;
        return result;
    }
    if (str_eq(name, STR("count"))) {
        result = take_number(&asked->has_count, name, value, PLACEMENT_COUNT_MAX, &number, err);
        asked->query.count = (size_t)number;
        return result;
    }
    return take_filter(asked, name, value, err);
}

/* What follows from the parameters together. */
static int complete(struct asked *asked, struct error *err)
{
    struct placement_query *query = &asked->query;
    bool has_key = asked->has_key || asked->has_player;
    query->key = asked->has_key ? query->key : asked->player;
    if (!asked->has_strategy) {
        query->strategy = has_key ? PLACEMENT_CONSISTENT_HASH : PLACEMENT_LEAST_CONNECTIONS;
    }
    if (query->strategy == PLACEMENT_CONSISTENT_HASH && !has_key) {
        return error_set(err, ERROR_INVALID, "strategy consistent_hash needs `key` or `player`");
    }
    return 0;
}

static bool read_query(struct api_call *call, struct asked *asked, struct api_reply *reply)
{
    struct str query = call->request.query, name, value;
    struct buf scratch = {0};
    struct error err;
    int found, result = 0;
    while (result == 0 && (found = http_query_next(&query, &scratch, &name, &value)) > 0) {
        result = take(asked, name, value, &err);
    }
    if (result == 0 && found < 0) {
        result =
            error_set(&err, ERROR_INVALID, "the query is malformed: %%XX must be two hex digits of UTF-8");
    }
    result = result == 0 ? complete(asked, &err) : result;
    if (result < 0) {
        api_refuse(reply, 400, "bad_parameter", "%s", err.text);
    }
    buf_fini(&scratch);
    return result == 0;
}

/* ---- the answer ---- */

static void write_service(struct json_writer *json, const struct view_entry *entry)
{
    struct blob *served = record_served(entry);
    json_write_raw(json, blob_view(served));
    blob_unref(served);
}

/* Why this server, in a few words. */
static void write_reason(struct json_writer *json, const struct asked *asked,
                         const struct placement_answer *answer)
{
    static const char *const by[PLACEMENT_STRATEGY_COUNT] = {
        [PLACEMENT_CONSISTENT_HASH] = "ring",
        [PLACEMENT_LEAST_CONNECTIONS] = "least used",
        [PLACEMENT_ROUND_ROBIN] = "next in turn",
        [PLACEMENT_PACKED] = "fullest with room",
    };
    struct buf text = {0};
    struct str zone = view_entry_text(answer->entries[0], VIEW_ZONE);
    struct str region = view_entry_text(answer->entries[0], VIEW_REGION);
    buf_str(&text, str_of(by[asked->query.strategy]));
    switch (answer->reaches[0]) {
    case PLACEMENT_IN_ZONE: buf_printf(&text, " of zone %.*s", STR_ARG(zone)); break;
    case PLACEMENT_IN_REGION: buf_printf(&text, " of region %.*s", STR_ARG(region)); break;
    case PLACEMENT_ANYWHERE: buf_printf(&text, " of type %.*s", STR_ARG(asked->query.type)); break;
    }
    json_member_string(json, "reason", buf_view(&text));
    buf_fini(&text);
}

static void write_age(struct json_writer *json, const struct api_call *call, const struct api_reply *reply)
{
    json_member_int(json, "revision", view_facts(call->view.fleet.view)->revision);
    json_member_bool(json, "stale", reply->stale_ms > 0);
    if (reply->stale_ms > 0) {
        json_member_int(json, "ageMs", reply->stale_ms);
    }
}

static void write_answer(const struct api_call *call, const struct asked *asked,
                         const struct placement_answer *answer, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_write_key(&json, "service");
    write_service(&json, answer->entries[0]);
    json_member_array(&json, "alternatives");
    for (size_t i = 1; i < answer->count; i++) {
        write_service(&json, answer->entries[i]);
    }
    json_write_array_end(&json);
    json_member_text(&json, "strategy", placement_strategy_name(asked->query.strategy));
    write_reason(&json, asked, answer);
    json_member_uint(&json, "candidates", answer->candidates);
    write_age(&json, call, reply);
    json_write_object_end(&json);
}

/* It says which servers there are and why none of them was chosen. */
static void write_none(const struct api_call *call, const struct asked *asked,
                       const struct placement_answer *answer, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    reply->status = 503;
    reply->header = API_RETRY_SOON;
    json_write_object(&json);
    json_member_object(&json, "error");
    json_member_text(&json, "code", "no_candidate");
    struct buf text = {0};
    buf_printf(&text, "no server of type %.*s can take %u more", STR_ARG(asked->query.type),
               asked->query.seats);
    json_member_string(&json, "message", buf_view(&text));
    buf_fini(&text);
    json_write_object_end(&json);
    json_member_int(&json, "retryAfterMs", RETRY_AFTER_MS);
    json_member_object(&json, "excluded");
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
        json_member_uint(&json, placement_excluded_name((enum placement_excluded)i), answer->excluded[i]);
    }
    json_write_object_end(&json);
    write_age(&json, call, reply);
    json_write_object_end(&json);
}

void api_route(struct api_call *call, struct api_reply *reply)
{
    struct asked asked;
    struct placement_answer answer;
    memset(&asked, 0, offsetof(struct asked, kept));
    asked.kept_size = 0;
    asked.filter = filter_new();
    asked.query = (struct placement_query){.type = call->request.type, .seats = 1, .count = 1};
    if (read_query(call, &asked, reply)) {
        asked.query.filter = asked.filter;
        placement_choose(call->view.fleet.placement, call->view.fleet.view, &asked.query, &call->view.now,
                         &answer);
        if (answer.count > 0) {
            write_answer(call, &asked, &answer, reply);
        } else {
            write_none(call, &asked, &answer, reply);
        }
    }
    filter_free(asked.filter);
}
