#include "outrider/core/audit/audit_windows.h"

#include "outrider/core/audit/audit_entry.h"

#include <stdio.h>

enum { FIRST_MS = 3600 * 1000, AHEAD_MS = 3600 * 1000, GROWTH = 4 };

static void set_begin(struct audit_windows *windows)
{
    int64_t wall = windows->end_wall - windows->span_ms;
    audit_id_floor(wall > windows->oldest_wall ? wall : windows->oldest_wall, windows->begin);
}

void audit_windows_init(struct audit_windows *windows, const char *before, int64_t now_wall,
                        int64_t oldest_wall)
{
    uint8_t unused[10];
    *windows = (struct audit_windows){.span_ms = FIRST_MS, .oldest_wall = oldest_wall < 0 ? 0 : oldest_wall};
    if (before[0] == '\0') {
        windows->end_wall = now_wall + AHEAD_MS;
        windows->span_ms += AHEAD_MS;
        audit_id_floor(windows->end_wall, windows->end);
    } else {
        snprintf(windows->end, sizeof(windows->end), "%s", before);
        ulid_read(str_of(before), &windows->end_wall, unused);
    }
    set_begin(windows);
    windows->ended = strcmp(windows->begin, windows->end) >= 0;
}

bool audit_windows_found(struct audit_windows *windows, size_t keys, int64_t count)
{
    windows->listed++;
    if (count > (int64_t)keys && windows->span_ms > 1) {
        windows->span_ms /= 2;
        set_begin(windows);
        return false;
    }
    if (count < AUDIT_WINDOW_KEYS / GROWTH) {
        windows->span_ms =
            windows->span_ms > INT64_MAX / 2 / GROWTH ? windows->span_ms : windows->span_ms * GROWTH;
    }
    return true;
}

bool audit_windows_next(struct audit_windows *windows)
{
    uint8_t unused[10];
    ulid_read(str_of(windows->begin), &windows->end_wall, unused);
    if (windows->end_wall <= windows->oldest_wall) {
        windows->ended = true;
    }
    if (windows->ended || windows->listed >= AUDIT_WINDOWS_MAX) {
        return false;
    }
    memcpy(windows->end, windows->begin, sizeof(windows->end));
    set_begin(windows);
    return true;
}

bool audit_windows_ended(const struct audit_windows *windows)
{
    return windows->ended;
}
