/* GET /api/audit: who changed what, the newest first. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/audit/audit_json.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/audit/audit_page.h"
#include "outrider/core/config/config.h"

#include <stdio.h>
#include <stdlib.h>

enum audit_format { FORMAT_JSON, FORMAT_CSV, FORMAT_LINES };
static const char *const format_names[] = {"json", "csv", "jsonl"};

/* How long the file and the registry are read at most. */
enum { FIND_MS = 30000 };

/* A request for a page. */
struct asked {
    struct audit_query query;
    enum audit_format format;
    struct buf words; /* of the filter: as long as the query and a name at most, so that it does not move */
    int64_t now_wall;
    unsigned given; /* parameters, one bit each */
    struct api_deferred *deferred;
};

static void free_asked(void *state)
{
    struct asked *asked = state;
    buf_fini(&asked->words);
    free(asked);
}

/* ---- parameters ---- */

static int take_text(struct asked *asked, struct str value, struct str *ret_text)
{
    *ret_text = (struct str){asked->words.data + asked->words.size, value.size};
    buf_str(&asked->words, value);
    return 0;
}

/* A moment, or how long ago it was. */
static int take_time(const struct asked *asked, const char *name, struct str value, int64_t *ret_wall,
                     struct error *err)
{
    int64_t ago;
    if (timestamp_parse(value, ret_wall) == 0) {
        return 0;
    }
    if (duration_parse(value, &ago) == 0) {
        *ret_wall = asked->now_wall - ago;
        return 0;
    }
    return error_set(err, ERROR_INVALID, "`%s` is a time like 2026-11-21T02:14:00Z, or how long ago, like 2h",
                     name);
}

static int take_outcome(struct asked *asked, struct str value, struct error *err)
{
    asked->query.filter.has_outcome = true;
    return audit_outcome_parse(value, &asked->query.filter.outcome) < 0
               ? error_set(err, ERROR_INVALID, "`outcome` is ok, refused or failed")
               : 0;
}

static int take_limit(struct asked *asked, struct str value, struct error *err)
{
    uint64_t limit = 0;
    if (str_to_u64(value, AUDIT_PAGE_MAX, &limit) < 0 || limit == 0) {
        return error_set(err, ERROR_INVALID, "`limit` is a number from 1 to %d", AUDIT_PAGE_MAX);
    }
    asked->query.limit = (size_t)limit;
    return 0;
}

static int take_before(struct asked *asked, struct str value, struct error *err)
{
    if (!ulid_valid(value)) {
        return error_set(err, ERROR_INVALID, "`before` is the `next` of the page before");
    }
    snprintf(asked->query.before, sizeof(asked->query.before), "%.*s", STR_ARG(value));
    return 0;
}

static int take_format(struct asked *asked, struct str value, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(format_names); i++) {
        if (str_eq(value, str_of(format_names[i]))) {
            asked->format = (enum audit_format)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "`format` is json, csv or jsonl");
}

static int take_named(struct asked *asked, size_t which, struct str value, struct error *err)
{
    struct audit_filter *filter = &asked->query.filter;
    switch (which) {
    case 0: return take_text(asked, value, &filter->who);
    case 1: return take_text(asked, value, &filter->what);
    case 2: return take_text(asked, value, &filter->target);
    case 3: return take_outcome(asked, value, err);
    case 4: return take_time(asked, "from", value, &filter->from_wall, err);
    case 5: return take_time(asked, "to", value, &filter->to_wall, err);
    case 6: return take_before(asked, value, err);
    case 7: return take_limit(asked, value, err);
    default: return take_format(asked, value, err);
    }
}

static int take(struct str name, struct str value, void *user, struct error *err)
{
    static const char *const names[] = {"who", "what",   "target", "outcome", "from",
                                        "to",  "before", "limit",  "format"};
    struct asked *asked = user;
    if (str_eq(name, STR("_"))) { /* against caches */
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq(name, str_of(names[i]))) {
            continue;
        }
        if (value.size == 0 || (asked->given & 1U << i) != 0) {
            return error_set(err, ERROR_INVALID, "`%s` %s", names[i],
                             value.size == 0 ? "is empty" : "is given twice");
        }
        asked->given |= 1U << i;
        return take_named(asked, i, value, err);
    }
    return error_set(err, ERROR_NOT_FOUND, "unknown parameter `%.*s`", name.size < 64 ? (int)name.size : 64,
                     name.data);
}

/* ---- answers ---- */

static void write_json(struct audit_page *page, const struct audit_result *result, struct api_reply *reply)
{
    struct json_writer json = {.out = api_json(reply)};
    json_write_object(&json);
    json_member_array(&json, "entries");
    for (size_t i = 0; i < result->count; i++) {
        struct buf entry = {0};
        audit_encode(audit_page_at(page, i), &entry);
        json_write_raw(&json, buf_view(&entry));
        buf_fini(&entry);
    }
    json_write_array_end(&json);
    json_member_string_or_null(&json, "next", str_of(result->next));
    json_member_bool(&json, "complete", result->missing[0] == '\0');
    if (result->missing[0] != '\0') {
        json_member_text(&json, "missing", result->missing);
    }
    json_write_object_end(&json);
}

static void write_lines(struct audit_page *page, const struct audit_result *result, enum audit_format format,
                        struct api_reply *reply)
{
    struct buf *out = api_json(reply);
    reply->content_type = format == FORMAT_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
    if (format == FORMAT_CSV) {
        audit_csv_head(out);
    }
    for (size_t i = 0; i < result->count; i++) {
        if (format == FORMAT_CSV) {
            audit_csv_row(audit_page_at(page, i), out);
        } else {
            audit_encode(audit_page_at(page, i), out);
            buf_str(out, STR("\n"));
        }
    }
    snprintf(reply->next, sizeof(reply->next), "%s", result->next);
    reply->header = result->missing[0] == '\0' ? NULL : "Outrider-Incomplete: true";
}

static void on_page(struct audit_page *page, void *user)
{
    struct asked *asked = user;
    struct audit_result result;
    struct api_reply reply = {0};
    audit_page_result(page, &result);
    if (asked->format == FORMAT_JSON) {
        write_json(page, &result, &reply);
    } else {
        write_lines(page, &result, asked->format, &reply);
    }
    api_deferred_answer(asked->deferred, &reply);
}

static void begin(struct api_call *call, void *state, struct api_deferred *deferred)
{
    struct asked *asked = state;
    asked->deferred = deferred;
    if (!call->context->ops->audit_find(call->context->agent, &asked->query, on_page, asked)) {
        api_deferred_busy(deferred, "too many pages of the audit are being read");
    }
}

/* Whether all entries may be seen, not only those of the own name. Without an access file there are no names that differ in that. */
static bool sees_all(const struct api_call *call)
{
    return call->request.who.role >= ACCESS_ADMIN || call->context->config->http.access_file == NULL;
}

void api_audit(struct api_call *call, struct api_reply *reply)
{
    if (call->view.audit == NULL) {
        api_refuse(
            reply, 503, "audit_off",
            "this agent keeps no audit: ask an observer that has a state_dir, or set audit.file to on");
        return;
    }
    struct asked *asked = mem_zalloc(sizeof(*asked));
    asked->query.limit = AUDIT_PAGE_USUAL;
    asked->now_wall = call->view.now.wall;
    buf_reserve(&asked->words, call->request.query.size + ACCESS_NAME_MAX + 1);
    if (!api_take_parameters(call, take, asked, reply)) {
        free_asked(asked);
        return;
    }
    struct str *who = &asked->query.filter.who, own = str_of(call->request.who.name);
    if (!sees_all(call) && who->size > 0 && !str_eq(*who, own)) {
        api_refuse(reply, 403, "role", "the entries of others take the role %s; %.*s is %s",
                   access_role_name(ACCESS_ADMIN), STR_ARG(own), access_role_name(call->request.who.role));
        free_asked(asked);
        return;
    }
    if (!sees_all(call)) {
        *who = (struct str){asked->words.data + asked->words.size, own.size};
        buf_str(&asked->words, own);
    }
    reply->turn = API_DEFERRED;
    reply->deferral = (struct api_deferral){.begin = begin,
                                            .state = asked,
                                            .free_state = free_asked,
                                            .timeout_ms = FIND_MS,
                                            .in_doubt = "the audit could not be read in time"};
}
