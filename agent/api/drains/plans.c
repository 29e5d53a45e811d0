/* The last previews that this agent gave: what the difference of a plan is to. */
#include "outrider/api/drains/plans.h"

#include "drains_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLANS_KEPT = 8 };

/* A line for each server: its place, a space, its status and zone. */
struct kept {
    char hash[16 + 1];
    struct buf lines;
};

struct api_plans {
    struct kept kept[PLANS_KEPT];
    size_t next; /* the oldest */
};

struct api_plans *api_plans_new(void)
{
    return mem_zalloc(sizeof(struct api_plans));
}

void api_plans_free(struct api_plans *plans)
{
    for (size_t i = 0; plans != NULL && i < PLANS_KEPT; i++) {
        buf_fini(&plans->kept[i].lines);
    }
    free(plans);
}

static struct kept *find(struct api_plans *plans, const char *hash)
{
    for (size_t i = 0; i < PLANS_KEPT && hash[0] != '\0'; i++) {
        if (strcmp(plans->kept[i].hash, hash) == 0) {
            return &plans->kept[i];
        }
    }
    return NULL;
}

static void write_lines(const struct wave_plan *plan, struct buf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct wave_seen *seen = plan->servers[i].seen;
        buf_printf(out, "%.*s %s%s%.*s\n", STR_ARG(seen->place), view_status_name(seen->status),
                   seen->zone.size > 0 ? ", zone " : "", STR_ARG(seen->zone));
    }
}

void drains_keep_plan(struct api_plans *plans, const struct wave_plan *plan)
{
    if (find(plans, plan->hash) == NULL) {
        struct kept *kept = &plans->kept[plans->next++ % PLANS_KEPT];
        buf_clear(&kept->lines);
        write_lines(plan, &kept->lines);
        memcpy(kept->hash, plan->hash, sizeof(kept->hash));
    }
}

/* What a line of `lines` says of the server of the line `of`; empty: it is not there. */
static struct str look_up(struct str lines, struct str of)
{
    struct str place = str_split(of, ' ', &of), says = {NULL, 0};
    while (lines.size > 0 && says.size == 0) {
        struct str words, line = str_split(lines, '\n', &lines);
        says = str_eq(str_split(line, ' ', &words), place) ? words : says;
    }
    return says;
}

/* Of the servers of `from`, those that `other` does not have, or knows otherwise; `gone`: only the former. */
static void write_changes(struct json_writer *json, struct str from, struct str other, bool gone)
{
    while (from.size > 0) {
        struct str words, line = str_split(from, '\n', &from), there = look_up(other, line);
        struct str place = str_split(line, ' ', &words);
        if (gone ? there.size > 0 : str_eq(there, words)) {
            continue;
        }
        json_write_object(json);
        json_member_string(json, "server", place);
        json_member_string_or_null(json, "was", gone ? words : there);
        json_member_string_or_null(json, "is", gone ? STR("") : words);
        json_write_object_end(json);
    }
}

void drains_write_difference(struct api_plans *plans, const char *hash, const struct wave_plan *plan,
                             struct json_writer *json)
{
    const struct kept *before = find(plans, hash);
    if (before == NULL) {
        json_member_text(json, "changes", NULL);
        return;
    }
    struct buf now = {0};
    write_lines(plan, &now);
    json_member_array(json, "changes");
    write_changes(json, buf_view(&now), buf_view(&before->lines), false);
    write_changes(json, buf_view(&before->lines), buf_view(&now), true);
    json_write_array_end(json);
    buf_fini(&now);
}
