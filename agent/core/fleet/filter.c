#include "outrider/core/fleet/filter.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdlib.h>

enum kind {
    KIND_TYPE,
    KIND_STATUS,
    KIND_REGION,
    KIND_ZONE,
    KIND_GROUP,
    KIND_TAG,
    KIND_LABEL,
    KIND_INCLUDE,
    KIND_LIMIT,
    KIND_AFTER
};

static const struct {
    struct str name;
    bool repeatable;
} kinds[] = {
    [KIND_TYPE] = {STR_INIT("type"), false},     [KIND_STATUS] = {STR_INIT("status"), false},
    [KIND_REGION] = {STR_INIT("region"), false}, [KIND_ZONE] = {STR_INIT("zone"), false},
    [KIND_GROUP] = {STR_INIT("group"), false},   [KIND_TAG] = {STR_INIT("tag"), true},
    [KIND_LABEL] = {STR_INIT("label."), true},   [KIND_INCLUDE] = {STR_INIT("include"), false},
    [KIND_LIMIT] = {STR_INIT("limit"), false},   [KIND_AFTER] = {STR_INIT("after"), false},
};

/* `name` is that of the parameter; of a label it begins with "label.". */
struct term {
    enum kind kind;
    struct str name, value;
    unsigned status;
};

struct filter {
    struct term terms[FILTER_TERMS_MAX]; /* sorted by name, then value; none twice */
    size_t count;
    bool offline, leaders, state;
    size_t limit;     /* 0: none */
    struct str after; /* empty: none */
};

struct filter *filter_new(void)
{
    return mem_zalloc(sizeof(struct filter));
}

void filter_free(struct filter *filter)
{
    if (filter != NULL) {
        for (size_t i = 0; i < filter->count; i++) {
            free((void *)(uintptr_t)filter->terms[i].name.data);
            free((void *)(uintptr_t)filter->terms[i].value.data);
        }
        free((void *)(uintptr_t)filter->after.data);
        free(filter);
    }
}

static int find_kind(struct str name, enum kind *ret_kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        bool label = i == KIND_LABEL && name.size > kinds[i].name.size && str_starts(name, kinds[i].name);
        if (label || (i != KIND_LABEL && str_eq(name, kinds[i].name))) {
            *ret_kind = (enum kind)i;
            return 0;
        }
    }
    return -1;
}

static struct str copy(struct str text)
{
    return (struct str){mem_copy(text.data, text.size), text.size};
}

static int given_twice(struct str name, struct error *err)
{
    return error_set(err, ERROR_INVALID, "%.*s: given twice", STR_ARG(name));
}

static int insert(struct filter *filter, const struct term *term, struct error *err)
{
    size_t at = 0;
    for (; at < filter->count; at++) {
        const struct term *other = &filter->terms[at];
        int order = str_compare(other->name, term->name);
        if (order == 0 && !kinds[term->kind].repeatable) {
            return given_twice(term->name, err);
        }
        order = order != 0 ? order : str_compare(other->value, term->value);
        if (order == 0) {
            return 0;
        }
        if (order > 0) {
            break;
        }
    }
    if (filter->count == FILTER_TERMS_MAX) {
        return error_set(err, ERROR_LIMIT, "more than %d parameters", FILTER_TERMS_MAX);
    }
    memmove(&filter->terms[at + 1], &filter->terms[at], (filter->count - at) * sizeof(filter->terms[0]));
    filter->terms[at] = *term;
    filter->terms[at].name = copy(term->name);
    filter->terms[at].value = copy(term->value);
    filter->count++;
    return 0;
}

static int check_status(struct term *term, struct error *err)
{
    enum status status;
    if (status_parse(term->value, &status) < 0) {
        return error_set(err, ERROR_INVALID,
                         "status: `%.*s` is not one of initializing, ready, draining, shutting_down, error",
                         STR_ARG(term->value));
    }
    term->status = status;
    return 0;
}

/* What is no condition: which part of the list is asked for. */
static int add_page(struct filter *filter, const struct term *term, struct error *err)
{
    uint64_t limit;
    if (term->kind == KIND_AFTER) {
        if (filter->after.size > 0) {
            return given_twice(term->name, err);
        }
        filter->after = copy(term->value);
        return 0;
    }
    if (filter->limit > 0) {
        return given_twice(term->name, err);
    }
    if (str_to_u64(term->value, FILTER_LIMIT_MAX, &limit) < 0 || limit == 0) {
        return error_set(err, ERROR_INVALID, "limit: want a number from 1 to %d", FILTER_LIMIT_MAX);
    }
    filter->limit = (size_t)limit;
    return 0;
}

int filter_add(struct filter *filter, struct str name, struct str value, struct error *err)
{
    struct term term = {.name = name, .value = value};
    if (name.size > FILTER_TEXT_MAX || value.size > FILTER_TEXT_MAX) {
        return error_set(err, ERROR_LIMIT, "%.*s: longer than %d bytes",
                         name.size > FILTER_TEXT_MAX ? 32 : (int)name.size, name.data, FILTER_TEXT_MAX);
    }
    if (find_kind(name, &term.kind) < 0) {
        return error_set(
            err, ERROR_INVALID,
            "unknown parameter `%.*s`: this path takes type, status, region, zone, group, tag, label.NAME, "
            "include, limit and after",
            STR_ARG(name));
    }
    if (value.size == 0) {
        return 0;
    }
    if (term.kind == KIND_INCLUDE) {
        bool offline = str_eq(value, STR("offline")), leader = str_eq(value, STR("leader"));
        filter->offline = filter->offline || offline;
        bool state = str_eq(value, STR("state"));
        filter->leaders = filter->leaders || leader;
        filter->state = filter->state || state;
        return offline || leader || state
                   ? 0
                   : error_set(err, ERROR_INVALID,
                               "include: only offline, or in a stream leader and state, can be included");
    }
    if (term.kind == KIND_LIMIT || term.kind == KIND_AFTER) {
        return add_page(filter, &term, err);
    }
    if (term.kind == KIND_STATUS && check_status(&term, err) < 0) {
        return -1;
    }
    return insert(filter, &term, err);
}

bool filter_is_empty(const struct filter *filter)
{
    return filter == NULL || filter->count == 0;
}

bool filter_offline(const struct filter *filter)
{
    return filter != NULL && filter->offline;
}

bool filter_leaders(const struct filter *filter)
{
    return filter != NULL && filter->leaders;
}

bool filter_state(const struct filter *filter)
{
    return filter != NULL && filter->state;
}

bool filter_is_paged(const struct filter *filter)
{
    return filter != NULL && (filter->limit > 0 || filter->after.size > 0);
}

size_t filter_limit(const struct filter *filter)
{
    return filter == NULL || filter->limit == 0 ? SIZE_MAX : filter->limit;
}

struct str filter_after(const struct filter *filter)
{
    return filter == NULL ? (struct str){NULL, 0} : filter->after;
}

static bool holds(const struct term *term, const struct view_entry *entry)
{
    switch (term->kind) {
    case KIND_TYPE: return str_eq(view_entry_type(entry), term->value);
    case KIND_STATUS: return entry->status == term->status;
    case KIND_REGION: return str_eq(view_entry_text(entry, VIEW_REGION), term->value);
    case KIND_ZONE: return str_eq(view_entry_text(entry, VIEW_ZONE), term->value);
    case KIND_GROUP: return str_eq(view_entry_text(entry, VIEW_GROUP), term->value);
    case KIND_TAG: return view_entry_has_tag(entry, term->value);
    case KIND_LABEL: {
        size_t before = kinds[KIND_LABEL].name.size;
        struct str name = {term->name.data + before, term->name.size - before};
        return str_eq(view_entry_label(entry, name), term->value);
    }
    case KIND_INCLUDE:
    case KIND_LIMIT:
    case KIND_AFTER: break;
    }
    return true;
}

bool filter_matches(const struct filter *filter, const struct view_entry *entry)
{
    if (entry == NULL) {
        return false;
    }
    for (size_t i = 0; filter != NULL && i < filter->count; i++) {
        if (!holds(&filter->terms[i], entry)) {
            return false;
        }
    }
    return true;
}

enum filter_news filter_news(const struct filter *filter, const struct view_entry *was,
                             const struct view_entry *is)
{
    if (filter_matches(filter, is)) {
        return FILTER_UPDATE;
    }
    return filter_matches(filter, was) ? FILTER_REMOVE : FILTER_NOTHING;
}

static void add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        if (plain) {
            buf_add(out, &c, 1);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)c);
        }
    }
}

void filter_text(const struct filter *filter, struct buf *out)
{
    size_t before = out->size;
    for (size_t i = 0; filter != NULL && i < filter->count; i++) {
        buf_str(out, i == 0 ? STR("") : STR("&"));
        add_escaped(out, filter->terms[i].name);
        buf_str(out, STR("="));
        add_escaped(out, filter->terms[i].value);
    }
    if (filter_offline(filter)) {
        buf_str(out, filter->count == 0 ? STR("include=offline") : STR("&include=offline"));
    }
    if (filter_leaders(filter)) {
        buf_str(out, out->size == before ? STR("include=leader") : STR("&include=leader"));
    }
    if (filter_state(filter)) {
        buf_str(out, out->size == before ? STR("include=state") : STR("&include=state"));
    }
    if (filter != NULL && filter->limit > 0) {
        buf_printf(out, "%slimit=%zu", out->size == before ? "" : "&", filter->limit);
    }
    if (filter != NULL && filter->after.size > 0) {
        buf_str(out, out->size == before ? STR("after=") : STR("&after="));
        add_escaped(out, filter->after);
    }
}

uint64_t filter_hash(const struct filter *filter)
{
    struct buf text = {0};
    uint64_t hash = UINT64_C(14695981039346656037);
    filter_text(filter, &text);
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
    }
    buf_fini(&text);
    return hash;
}
