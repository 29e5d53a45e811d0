/* State files, as they are and with a checksum that fits (the bytes are then the body before it): a fuzzer
 * cannot guess one. What is read is written so that it reads again. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/state/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str text)
{
    struct saved_state state, back;
    struct error err = {0};
    if (state_file_decode(text, &state, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return;
    }
    struct buf once = {0}, twice = {0};
    state_file_encode(&state, &once);
    must(state_file_decode(buf_view(&once), &back, &err) == 0);
    state_file_encode(&back, &twice);
    must(str_eq(buf_view(&once), buf_view(&twice)));
    saved_state_fini(&state);
    saved_state_fini(&back);
    buf_fini(&once);
    buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((struct str){(const char *)data, size});
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320u & (0 - (crc & 1)));
        }
    }
    struct buf sealed = {0};
    buf_add(&sealed, data, size);
    buf_printf(&sealed, ",\"crc32\":\"%08x\"}", ~crc);
    check(buf_view(&sealed));
    buf_fini(&sealed);
    return 0;
}
