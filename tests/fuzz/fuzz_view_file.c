/* Kept views, as they are and with a checksum that fits: a fuzzer cannot guess one. What is read can be
 * loaded, and what is written then reads as the same. */
#include "must.h"
#include "sealed_file.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/state/view_file.h"
#include "outrider/core/fleet/view_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Loads a file into a view and writes that. Returns whether the file was one. */
static bool pass_through(struct str text, struct buf *out)
{
    struct view_file file;
    struct error err = {0};
    if (view_file_decode(text, STR("/s"), &file, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return false;
    }
    struct view *view =
        view_new(&(struct view_settings){.prefix = "/s", .tombstones_max = 8, .can = REGISTRY_CAN_ALL});
    struct instant now = {.mono = 1000, .boot = 2000, .wall = 1795227240123};
    struct view_event event = {.type = VIEW_ON_LOAD, .now = now, .kept = &file.kept};
    struct queue effects;
    struct view_effect effect;
    queue_init(&effects, sizeof(effect));
    view_step(view, &event, &effects);
    while (queue_take(&effects, &effect)) {
        view_effect_fini(&effect);
    }
    must(view_facts(view)->known && view_facts(view)->count == file.kept.entry_count);
    view_file_encode(view, &now, out);
    queue_fini(&effects);
    view_free(view);
    view_file_fini(&file);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sealed_fuzz(data, size, pass_through);
    return 0;
}
