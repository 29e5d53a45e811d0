#include "outrider/api/common/placements.h"

#include <stdio.h>
#include <string.h>

const char *api_placed_name(enum api_placed placed)
{
    static const char *const names[API_PLACED_COUNT] = {
        [API_PLACED_ROUTED] = "routed",     [API_PLACED_RESERVED] = "reserved",
        [API_PLACED_REPEATED] = "repeated", [API_PLACED_NONE] = "none",
        [API_PLACED_REFUSED] = "refused",   [API_PLACED_CONFLICT] = "conflict",
        [API_PLACED_FAILED] = "failed",
    };
    return names[placed];
}

static size_t find_type(struct api_placements *placements, struct str type, bool may_add)
{
    for (size_t i = 0; i < API_PLACEMENTS_TYPES; i++) {
        char *name = placements->types[i].type;
        if (str_eq(str_of(name), type)) {
            return i;
        }
        if (name[0] == '\0') {
            bool fits = may_add && type.size < sizeof(placements->types[i].type);
            snprintf(name, sizeof(placements->types[i].type), "%.*s", fits ? (int)type.size : 0, type.data);
            return fits ? i : API_PLACEMENTS_TYPES;
        }
    }
    return API_PLACEMENTS_TYPES;
}

void api_placements_count(struct api_placements *placements, struct str type,
                          enum placement_strategy strategy, enum api_placed placed, const size_t *excluded)
{
    size_t all = 0;
    if (placements == NULL || type.size == 0) {
        return;
    }
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT && excluded != NULL; i++) {
        placements->excluded[i] += excluded[i];
        all += excluded[i];
    }
    size_t number = find_type(placements, type, excluded == NULL || all > 0);
    placements->types[number].counts[strategy][placed]++;
}
