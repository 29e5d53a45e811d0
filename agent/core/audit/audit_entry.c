#include "outrider/core/audit/audit_entry.h"

#include <stdio.h>

const char *const audit_outcome_names[AUDIT_OUTCOME_COUNT] = {
    [AUDIT_OK] = "ok", [AUDIT_REFUSED] = "refused", [AUDIT_FAILED] = "failed"};

const struct audit_text_row audit_text_rows[AUDIT_TEXTS] = {
    [AUDIT_WHO] = {"who", 128},       [AUDIT_ROLE] = {"role", 16},       [AUDIT_HOW] = {"how", 32},
    [AUDIT_FROM] = {"from", 80},      [AUDIT_SESSION] = {"session", 64}, [AUDIT_AGENT] = {"agent", 130},
    [AUDIT_WHAT] = {"what", 64},      [AUDIT_TARGET] = {"target", 260},  [AUDIT_REASON] = {"reason", 256},
    [AUDIT_BEFORE] = {"before", 512}, [AUDIT_AFTER] = {"after", 512},    [AUDIT_CODE] = {"code", 64},
    [AUDIT_REQUEST] = {"request", 64}};

enum audit_outcome audit_outcome_of(int http_status)
{
    if (http_status < 400) {
        return AUDIT_OK;
    }
    return http_status < 500 ? AUDIT_REFUSED : AUDIT_FAILED;
}

int audit_outcome_parse(struct str name, enum audit_outcome *ret_outcome)
{
    for (int i = 0; i < AUDIT_OUTCOME_COUNT; i++) {
        if (str_eq(name, str_of(audit_outcome_names[i]))) {
            *ret_outcome = (enum audit_outcome)i;
            return 0;
        }
    }
    return -1;
}

static bool fits(struct str want, struct str have)
{
    if (want.size > 0 && want.data[want.size - 1] == '*') {
        return str_starts(have, (struct str){want.data, want.size - 1});
    }
    return want.size == 0 || str_eq(want, have);
}

bool audit_wants(const struct audit_filter *filter, const struct audit_entry *entry)
{
    return (filter->who.size == 0 || str_eq(filter->who, entry->texts[AUDIT_WHO])) &&
           fits(filter->what, entry->texts[AUDIT_WHAT]) && fits(filter->target, entry->texts[AUDIT_TARGET]) &&
           (!filter->has_outcome || filter->outcome == entry->outcome) &&
           entry->when_wall >= filter->from_wall &&
           (filter->to_wall == 0 || entry->when_wall < filter->to_wall);
}

void audit_ids_resume(struct audit_ids *ids, const char *last)
{
    snprintf(ids->last, sizeof(ids->last), "%s", last);
    ulid_read(str_of(ids->last), &ids->last_wall, ids->entropy);
}

/* One more, as a number of 80 bits. False where there is none: all bits were set. */
static bool count_up(uint8_t entropy[static 10])
{
    for (int i = 9; i >= 0; i--) {
        if (++entropy[i] != 0) {
            return true;
        }
    }
    return false;
}

void audit_ids_next(struct audit_ids *ids, int64_t wall_ms, const uint8_t entropy[static 10],
                    char out[static ULID_LENGTH + 1])
{
    bool later = ids->last[0] == '\0' || wall_ms > ids->last_wall;
    if (later || !count_up(ids->entropy)) {
        ids->last_wall = later ? wall_ms : ids->last_wall + 1;
        memcpy(ids->entropy, entropy, sizeof(ids->entropy));
    }
    ulid_format(ids->last_wall, ids->entropy, ids->last);
    memcpy(out, ids->last, sizeof(ids->last));
}

void audit_id_floor(int64_t wall_ms, char out[static ULID_LENGTH + 1])
{
    static const uint8_t none[10] = {0};
    ulid_format(wall_ms < 0 ? 0 : wall_ms, none, out);
}
