#include "outrider/core/seats/change.h"

#include <string.h>

void seats_text(char *to, size_t size, struct str text)
{
    size_t length = text.size < size ? text.size : size - 1;
    while (length < text.size && length > 0 && ((unsigned char)text.data[length] & 0xc0) == 0x80) {
        length--;
    }
    if (length > 0) {
        memcpy(to, text.data, length);
    }
    to[length] = '\0';
}

void seats_change_fini(struct seats_change *change)
{
    reservations_fini(&change->of.list);
    reservations_fini(&change->former.list);
    *change = (struct seats_change){0};
}

/* Of a list that another program wrote, ids may come twice. */
static bool is_changed(const struct seats_change *change, const char *id)
{
    bool changed = strcmp(change->id, id) == 0;
    for (size_t i = 0; i < change->dropped_count && !changed; i++) {
        changed = strcmp(change->dropped[i], id) == 0;
    }
    return changed;
}

void seats_change_drop_lapsed(struct seats_change *change, int64_t now_wall)
{
    struct reservations *list = &change->of.list;
    for (size_t i = 0; i < list->count && change->dropped_count < SEATS_DROPS_MAX;) {
        const struct reservation *entry = &list->items[i];
        if (reservation_is_live(entry, now_wall)) {
            i++;
            continue;
        }
        if (!is_changed(change, entry->id)) {
            memcpy(change->dropped[change->dropped_count++], entry->id, sizeof(entry->id));
        }
        reservations_remove(list, entry);
    }
}
