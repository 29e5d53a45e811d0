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

void record_fini(struct record *record)
{
    if (record == NULL) {
        return;
    }
    char *const texts[] = {record->id,      record->type,        record->host,     record->custom_state,
                           record->reason,  record->region,      record->zone,     record->group,
                           record->version, record->drain.holds, record->drain.by, record->drain.reason};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        free(texts[i]);
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
    struct record copy = *record;
    char **const texts[] = {&copy.id,      &copy.type,        &copy.host,     &copy.custom_state,
                            &copy.reason,  &copy.region,      &copy.zone,     &copy.group,
                            &copy.version, &copy.drain.holds, &copy.drain.by, &copy.drain.reason};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = mem_strdup(*texts[i]);
    }
    for (size_t i = 0; i < copy.tag_count; i++) {
        copy.tags[i] = mem_strdup(copy.tags[i]);
    }
    for (size_t i = 0; i < copy.label_count; i++) {
        copy.labels[i].name = mem_strdup(copy.labels[i].name);
        copy.labels[i].value = mem_strdup(copy.labels[i].value);
    }
    *ret_copy = copy;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_ports(const struct record *a, const struct record *b)
{
    return a->port_count == b->port_count &&
           memcmp(a->ports, b->ports, a->port_count * sizeof(a->ports[0])) == 0;
}

static bool same_tags(const struct record *a, const struct record *b)
{
    if (a->tag_count != b->tag_count) {
        return false;
    }
    for (size_t i = 0; i < a->tag_count; i++) {
        if (!same_text(a->tags[i], b->tags[i])) {
            return false;
        }
    }
    return true;
}

static bool same_labels(const struct record *a, const struct record *b)
{
    if (a->label_count != b->label_count) {
        return false;
    }
    for (size_t i = 0; i < a->label_count; i++) {
        if (!same_text(a->labels[i].name, b->labels[i].name) ||
            !same_text(a->labels[i].value, b->labels[i].value)) {
            return false;
        }
    }
    return true;
}

static bool same_count(bool has_a, uint32_t a, bool has_b, uint32_t b)
{
    return has_a == has_b && (!has_a || a == b);
}

static bool same_drain(const struct record_drain *a, const struct record_drain *b)
{
    if (!a->set || !b->set) {
        return a->set == b->set;
    }
    return same_text(a->holds, b->holds) && same_text(a->by, b->by) && same_text(a->reason, b->reason) &&
           a->since_wall == b->since_wall && a->deadline_wall == b->deadline_wall;
}

static bool same_profile(const struct record *a, const struct record *b)
{
    return same_text(a->type, b->type) && same_text(a->region, b->region) && same_text(a->zone, b->zone) &&
           same_text(a->group, b->group) && same_text(a->version, b->version) && same_tags(a, b) &&
           same_labels(a, b) && a->started_wall == b->started_wall;
}

bool record_equal(const struct record *a, const struct record *b)
{
    return !record_urgent(a, b) && same_text(a->custom_state, b->custom_state) &&
           same_text(a->reason, b->reason) &&
           same_count(a->has_players, a->players, b->has_players, b->players) &&
           same_count(a->has_capacity, a->capacity, b->has_capacity, b->capacity) && same_profile(a, b);
}

bool record_urgent(const struct record *a, const struct record *b)
{
    return a->status != b->status || !same_drain(&a->drain, &b->drain) || !same_text(a->id, b->id) ||
           !same_text(a->host, b->host) || !same_ports(a, b);
}
