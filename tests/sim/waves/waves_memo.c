/* What is decoded again and again, by every observer and by the oracle, is decoded once: wave_decode() with a memory (linked with
 * --wrap). A third of the time of a long run went into JSON. */
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/wave/wave.h"

enum { MEMORIES = 64 };

int __real_wave_decode(struct str text, struct wave *ret_wave, struct error *err);
int __wrap_wave_decode(struct str text, struct wave *ret_wave, struct error *err);

int __wrap_wave_decode(struct str text, struct wave *ret_wave, struct error *err)
{
    static struct {
        uint64_t hash;
        struct wave wave;
    } memories[MEMORIES];
    static size_t next;
    uint64_t hash = str_hash(text, text.size);
    for (size_t i = 0; i < MEMORIES; i++) {
        if (memories[i].hash == hash) {
            wave_copy(&memories[i].wave, ret_wave);
            return 0;
        }
    }
    int result = __real_wave_decode(text, ret_wave, err);
    if (result == 0) {
        wave_fini(&memories[next].wave);
        memories[next].hash = hash;
        wave_copy(ret_wave, &memories[next].wave);
        next = (next + 1) % MEMORIES;
    }
    return result;
}
