#include "outrider/core/server/record.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static const char *const status_names[STATUS_COUNT] = {[STATUS_INITIALIZING] = "initializing",
                                                       [STATUS_READY] = "ready",
                                                       [STATUS_DRAINING] = "draining",
                                                       [STATUS_SHUTTING_DOWN] = "shutting_down",
                                                       [STATUS_ERROR] = "error"};

const char *status_name(enum status status)
{
    return status < STATUS_COUNT ? status_names[status] : "unknown";
}

int status_parse(struct str name, enum status *ret_status)
{
    for (int status = 0; status < STATUS_COUNT; status++) {
        if (str_eq(name, str_of(status_names[status]))) {
            *ret_status = (enum status)status;
            return 0;
        }
    }
    return -1;
}

/* The texts that a record owns beside tags and labels; those of the drain come last. */
static const size_t texts[] = {offsetof(struct record, id),
                               offsetof(struct record, type),
                               offsetof(struct record, host),
                               offsetof(struct record, custom_state),
                               offsetof(struct record, reason),
                               offsetof(struct record, region),
                               offsetof(struct record, zone),
                               offsetof(struct record, group),
                               offsetof(struct record, version),
                               offsetof(struct record, drain.holds),
                               offsetof(struct record, drain.by),
                               offsetof(struct record, drain.reason),
                               offsetof(struct record, drain.operation)};
enum { DRAIN_TEXTS = 4 };

static char **text_at(struct record *record, size_t offset)
{
    return (char **)(void *)((char *)record + offset);
}

void record_fini(struct record *record)
{
    if (record == NULL) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        free(*text_at(record, texts[i]));
    }
    for (size_t i = 0; i < record->tag_count; i++) {
        free(record->tags[i]);
    }
    for (size_t i = 0; i < record->label_count; i++) {
        free(record->labels[i].name);
        free(record->labels[i].value);
    }
    *record = (struct record){0};
}

void record_copy(const struct record *record, struct record *ret_copy)
{
    *ret_copy = *record;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char **text = text_at(ret_copy, texts[i]);
        *text = mem_strdup(*text);
    }
    for (size_t i = 0; i < record->tag_count; i++) {
        ret_copy->tags[i] = mem_strdup(record->tags[i]);
    }
    for (size_t i = 0; i < record->label_count; i++) {
        ret_copy->labels[i] =
            (struct record_label){mem_strdup(record->labels[i].name), mem_strdup(record->labels[i].value)};
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_count(bool has_a, uint32_t a, bool has_b, uint32_t b)
{
    return has_a == has_b && (!has_a || a == b);
}

bool record_equal(const struct record *a, const struct record *b)
{
    bool same = !record_urgent(a, b) && a->tag_count == b->tag_count && a->label_count == b->label_count &&
                same_count(a->has_players, a->players, b->has_players, b->players) &&
                same_count(a->has_capacity, a->capacity, b->has_capacity, b->capacity) &&
                same_count(a->has_weight, a->weight, b->has_weight, b->weight) &&
                a->started_wall == b->started_wall;
    for (size_t i = 0; same && i < COUNT_OF(texts) - DRAIN_TEXTS; i++) {
        same = same_text(*(char *const *)(const void *)((const char *)a + texts[i]),
                         *(char *const *)(const void *)((const char *)b + texts[i]));
    }
    for (size_t i = 0; same && i < a->tag_count; i++) {
        same = same_text(a->tags[i], b->tags[i]);
    }
    for (size_t i = 0; same && i < a->label_count; i++) {
        same = same_text(a->labels[i].name, b->labels[i].name) &&
               same_text(a->labels[i].value, b->labels[i].value);
    }
    return same;
}

static bool same_drain(const struct record_drain *a, const struct record_drain *b)
{
    if (!a->set || !b->set) {
        return a->set == b->set;
    }
    return same_text(a->holds, b->holds) && same_text(a->by, b->by) && same_text(a->reason, b->reason) &&
           same_text(a->operation, b->operation) && a->since_wall == b->since_wall &&
           a->deadline_wall == b->deadline_wall;
}

bool record_urgent(const struct record *a, const struct record *b)
{
    return a->status != b->status || !same_drain(&a->drain, &b->drain) || !same_text(a->id, b->id) ||
           !same_text(a->host, b->host) || a->port_count != b->port_count ||
           memcmp(a->ports, b->ports, a->port_count * sizeof(a->ports[0])) != 0;
}
