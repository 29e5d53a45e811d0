/* A drain that the registry has lost with its data, while agents have put their holds of it again. */
#include "drains_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/record_brief.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/wave/wave_fleet.h"
#include "outrider/core/wave/wave_holds.h"

#include <stdlib.h>
#include <string.h>

/* Whether the record names the operation. Most do not have its id at all, and are not read. */
static bool names(const struct view_entry *entry, struct str id, struct record_brief *ret_brief)
{
    struct str json = blob_view(entry->json);
    if (memmem(json.data, json.size, id.data, id.size) == NULL) {
        return false;
    }
    record_brief(json, ret_brief);
    return ret_brief->drained && str_eq(str_of(ret_brief->operation), id);
}

bool drains_find_lost(const struct api_call *call, struct wave *ret_wave)
{
    const struct view_facts *facts = view_facts(call->view.fleet.view);
    struct str id = call->request.id;
    struct record_brief first = {0}, brief;
    size_t count = 0;
    if (!ulid_valid(id)) {
        return false;
    }
    struct wave_control *holds = mem_zalloc(WAVE_SERVERS_MAX * sizeof(*holds));
    for (size_t i = 0; i < facts->count && count < WAVE_SERVERS_MAX; i++) {
        if (names(facts->entries[i], id, count == 0 ? &first : &brief)) {
            holds[count++] = (struct wave_control){.place = wave_place_of(facts->entries[i]),
                                                   .held = true,
                                                   .operation = id,
                                                   .by = str_of(first.by)};
        }
    }
    bool found = wave_of_holds(id, holds, count, call->view.now.wall, ret_wave);
    free(holds);
    if (found) {
        (void)wave_obey(ret_wave, WAVE_UNDO, call->view.now.wall); /* one that is over takes it */
    }
    return found;
}
