/* The body of POST /api/drains: a spec, and which servers. */
#include "drains_internal.h"

#include "outrider/api/common/body.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/access/access.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/wave/wave_fleet.h"

#include <stdio.h>
#include <stdlib.h>

void drains_body_fini(struct drains_body *body)
{
    for (size_t i = 0; i < body->place_count; i++) {
        free(body->places[i]);
    }
    free(body->places);
    filter_free(body->filter);
    *body = (struct drains_body){.place_count = 0};
}

/* ---- members ---- */

static int take_servers(struct drains_body *body, const json_t *list, struct error *err)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > WAVE_SERVERS_MAX || body->places != NULL) {
        return error_set(err, ERROR_INVALID, "servers: want an array of 1 to %d texts TYPE/ID",
                         WAVE_SERVERS_MAX);
    }
    body->places = mem_zalloc(count * sizeof(body->places[0]));
    for (size_t i = 0; i < count; i++) {
        const char *place = json_string_value(json_array_get(list, i));
        if (place == NULL || strlen(place) > WAVE_PLACE_MAX || strchr(place, '/') == NULL) {
            return error_set(err, ERROR_INVALID, "servers: number %zu is no TYPE/ID", i + 1);
        }
        for (size_t k = 0; k < body->place_count; k++) {
            if (strcmp(place, body->places[k]) == 0) {
                return error_set(err, ERROR_INVALID, "servers: %s is there twice", place);
            }
        }
        body->places[body->place_count++] = mem_strdup(place);
    }
    return 0;
}

static int add_term(struct filter *filter, const char *name, const json_t *value, struct error *err)
{
    struct str key = str_of(name);
    static const struct str others[] = {STR_INIT("limit"), STR_INIT("after"), STR_INIT("include")};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq(key, others[i])) {
            return error_set(err, ERROR_INVALID, "filter: `%s` chooses no servers", name);
        }
    }
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "filter: %s: must be a string, or an array of strings", name);
    }
    return filter_add(filter, key, str_of(json_string_value(value)), err);
}

static int take_filter(struct drains_body *body, const json_t *object, struct error *err)
{
    const char *name;
    json_t *value;
    struct buf text = {0};
    if (!json_is_object(object)) {
        return error_set(err, ERROR_INVALID,
                         "filter: must be an object with the parameters of /api/services");
    }
    body->filter = filter_new();
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        size_t count = json_is_array(value) ? json_array_size(value) : 1;
        for (size_t i = 0; i < count; i++) {
            if (add_term(body->filter, name, json_is_array(value) ? json_array_get(value, i) : value, err) <
                0) {
                return -1;
            }
        }
    }
    if (filter_is_empty(body->filter)) {
        return error_set(err, ERROR_INVALID,
                         "filter: it is empty, which would be every server; name a type at least");
    }
    filter_text(body->filter, &text);
    bool fits = text.size <= WAVE_FILTER_MAX;
    snprintf(body->spec.filter, sizeof(body->spec.filter), "%s", buf_text(&text));
    buf_fini(&text);
    return fits ? 0 : error_set(err, ERROR_LIMIT, "filter: longer than %d bytes", WAVE_FILTER_MAX);
}

static int take_line(const json_t *value, const char *name, size_t max, char *out, struct error *err)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) > max || str_has_control(str_of(text))) {
        return error_set(err, ERROR_INVALID, "%s: must be one line of at most %zu bytes", name, max);
    }
    snprintf(out, max + 1, "%s", text);
    return 0;
}

static int take(void *user, const char *name, const json_t *value, struct error *err)
{
    struct drains_body *body = user;
    struct str key = str_of(name);
    if (str_eq(key, STR("servers"))) {
        return take_servers(body, value, err);
    }
    if (str_eq(key, STR("filter"))) {
        return take_filter(body, value, err);
    }
    if (str_eq(key, STR("by"))) {
        return take_line(value, name, HOLD_BY_MAX, body->by, err);
    }
    if (str_eq(key, STR("planHash"))) {
        return take_line(value, name, sizeof(body->plan_hash) - 1, body->plan_hash, err);
    }
    int rc = wave_spec_member(&body->spec, name, value, err);
    return rc > 0 ? API_MEMBER_UNKNOWN : rc;
}

/* A proved name stands for itself; else what the request says, else the peer. */
static void name_operator(const struct access_identity *who, char by[static HOLD_BY_MAX + 1])
{
    bool proved =
        who->proof > ACCESS_TOKEN || (who->proof == ACCESS_TOKEN && strcmp(who->name, "token") != 0);
    if (proved || by[0] == '\0') {
        brief_format(by, HOLD_BY_MAX + 1, "%s", who->name[0] == '\0' ? "API" : who->name);
    }
}

bool drains_read_body(const struct api_call *call, struct drains_body *ret_body, struct api_reply *reply)
{
    struct drains_body body = {.place_count = 0};
    wave_spec_default(&body.spec);
    json_t *root =
        api_body_read(call, "a drain of many takes servers or filter, by, planHash, " WAVE_SPEC_MEMBERS, take,
                      &body, reply);
    json_decref(root);
    if (root != NULL && (body.filter == NULL) == (body.places == NULL)) {
        api_refuse(reply, 400, "bad_body", "want exactly one of servers and filter");
        root = NULL;
    }
    if (root == NULL) {
        drains_body_fini(&body);
        return false;
    }
    name_operator(&call->request.who, body.by);
    *ret_body = body;
    return true;
}

/* ---- the plan ---- */

/* Fills `chosen`; its count, or 0 with `reply` made an error. */
static size_t choose(const struct api_call *call, const struct drains_body *body,
                     const struct wave_fleet *fleet, size_t chosen[static WAVE_SERVERS_MAX],
                     struct api_reply *reply)
{
    const struct view_facts *facts = view_facts(call->view.fleet.view);
    size_t count = 0;
    for (size_t i = 0; i < body->place_count; i++) {
        const struct wave_seen *seen = wave_find(fleet, str_of(body->places[i]));
        if (seen == NULL) {
            api_refuse(reply, 404, "no_such_service", "no service %s in the fleet", body->places[i]);
            return 0;
        }
        chosen[count++] = (size_t)(seen - fleet->servers);
    }
    for (size_t i = 0; i < facts->count && body->filter != NULL; i++) {
        if (!filter_matches(body->filter, facts->entries[i])) {
            continue;
        }
        if (count == WAVE_SERVERS_MAX) {
            api_refuse(reply, 400, "too_many_servers",
                       "the filter matches more than %d servers: narrow it, and drain the others after",
                       WAVE_SERVERS_MAX);
            return 0;
        }
        chosen[count++] = i;
    }
    if (count == 0) {
        api_refuse(reply, 404, "no_such_service", "the filter matches no server");
    }
    return count;
}

bool drains_plan(const struct api_call *call, const struct drains_body *body, struct wave_seen **ret_servers,
                 struct wave_plan *ret_plan, struct api_reply *reply)
{
    struct wave_fleet fleet = {.count = 0};
    size_t chosen[WAVE_SERVERS_MAX];
    fleet.servers = wave_fleet_read(call->view.fleet.view, call->view.seats.seats, &fleet.count);
    size_t count = choose(call, body, &fleet, chosen, reply);
    if (count == 0) {
        free(fleet.servers);
        return false;
    }
    wave_plan_make(&body->spec, &fleet, chosen, count, ret_plan);
    *ret_servers = fleet.servers;
    return true;
}
