/* Kept histories, as they are and with a checksum that fits: a fuzzer cannot guess one. What is read is within the limits, can be
 * shown, and reads as the same once written. */
#include "must.h"
#include "sealed_file.h"
#include "support/past_file.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/history/history_json.h"
#include "outrider/core/history/history_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct instant now = {.mono = 1000, .boot = 2000, .wall = 1795227240123};

static void show(const struct history *history)
{
    struct buf text = {0}, series = {0};
    const struct history_server *server = history_facts(history)->servers;
    history_json_activity(history, UINT64_MAX, 1000, &now, &text);
    history_json_offline(history, 1000, &now, &text);
    history_json_series(history, &series);
    history_json_fleet(history, buf_view(&series), &now, &text);
    for (; server != NULL; server = server->hh.next) {
        history_json_server(history, server, &now, &text);
    }
    buf_fini(&text);
    buf_fini(&series);
}

/* What a file says, once written by this version. Returns whether it was one. */
static bool pass_through(struct str text, struct buf *out)
{
    static const struct history_settings settings = {
        .servers_max = 64, .gone_max = 16, .bytes_max = 65536, .record_bytes = 65536};
    struct history *history = NULL;
    struct error err = {0};
    if (history_file_decode(text, STR("/s"), &settings, &history, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return false;
    }
    const struct history_facts *facts = history_facts(history);
    must(facts->there + facts->gone <= 64 && facts->gone <= 16 && facts->bytes <= 65536);
    show(history);
    past_write(history, STR("/s"), &now, out);
    history_free(history);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sealed_fuzz(data, size, pass_through);
    return 0;
}
