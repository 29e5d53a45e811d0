#include "outrider/core/wave/wave_fleet.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/seats/seats.h"

struct str wave_place_of(const struct view_entry *entry)
{
    struct str type = view_entry_type(entry), key = view_entry_key(entry);
    return (struct str){type.data, (size_t)(key.data + key.size - type.data)};
}

struct wave_seen *wave_fleet_read(const struct view *view, const struct seats *seats, size_t *ret_count)
{
    const struct view_facts *facts = view_facts(view);
    struct wave_seen *list = mem_zalloc(facts->count * sizeof(*list));
    for (size_t i = 0; i < facts->count; i++) {
        const struct view_entry *entry = facts->entries[i];
        struct str place = wave_place_of(entry);
        const struct seats_server *reserved = seats == NULL ? NULL : seats_find(seats, place);
        list[i] = (struct wave_seen){.place = place,
                                     .type = view_entry_type(entry),
                                     .region = view_entry_text(entry, VIEW_REGION),
                                     .zone = view_entry_text(entry, VIEW_ZONE),
                                     .status = entry->status,
                                     .has_players = entry->has_players,
                                     .has_capacity = entry->has_capacity,
                                     .players = entry->players,
                                     .capacity = entry->capacity,
                                     .reserved = reserved == NULL ? 0 : reserved->reserved,
                                     .held = entry->status == STATUS_DRAINING};
    }
    *ret_count = facts->count;
    return list;
}
