#include "outrider/api/common/placements.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

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

struct api_placements *api_placements_new(void)
{
    return mem_zalloc(sizeof(struct api_placements));
}

void api_placements_free(struct api_placements *placements)
{
    if (placements != NULL) {
        free(placements->types);
        free(placements);
    }
}

static struct api_type_placements *find_type(struct api_placements *placements, struct str type, bool may_add)
{
    struct api_type_placements *found = placements->types;
    for (size_t i = 0; i < placements->count; i++, found++) {
        if (str_eq(str_of(found->type), type)) {
            return found;
        }
    }
    if (!may_add || placements->count == API_PLACEMENTS_TYPES || type.size >= sizeof(found->type)) {
        return &placements->others;
    }
    placements->types = mem_grow(placements->types, placements->count, &placements->capacity, sizeof(*found));
    found = &placements->types[placements->count++];
    *found = (struct api_type_placements){0};
    snprintf(found->type, sizeof(found->type), "%.*s", STR_ARG(type));
    return found;
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
    find_type(placements, type, excluded == NULL || all > 0)->counts[strategy][placed]++;
}
