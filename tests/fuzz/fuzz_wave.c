/* Operations on waves of servers: whatever is read can be written, what was written reads as the same, and can be stepped. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/wave/wave_step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct wave *wave)
{
    struct wave_fleet fleet = {.count = 0};
    const struct instant now = {.mono = 10, .boot = 10, .wall = INT64_C(1700000000000)};
    struct wave_step did;
    for (int i = 0; i < 8 && !wave_is_over(wave); i++) {
        wave_step(wave, &fleet, &now, &did);
        must(did.action_count ==
             0); /* of servers that are gone nothing is held, and nothing is left to lift */
        must(wave->wave < wave_waves(wave));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wave read, back;
    struct error err = {0};
    if (wave_decode((struct str){(const char *)data, size}, &read, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    struct buf out = {0}, again = {0};
    wave_encode(&read, WAVE_JSON_STORED, &out);
    must(out.size <= WAVE_VALUE_MAX && wave_decode(buf_view(&out), &back, &err) == 0);
    wave_encode(&back, WAVE_JSON_STORED, &again);
    must(str_eq(buf_view(&out), buf_view(&again)));
    step(&read);
    wave_fini(&read);
    wave_fini(&back);
    buf_fini(&out);
    buf_fini(&again);
    return 0;
}
