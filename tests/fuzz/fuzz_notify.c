/* sd_notify datagrams: taken or refused as a whole, never half, and never with what needs a connection. */
#include "outrider/base/error.h"
#include "outrider/codec/status/notify.h"
#include "outrider/core/server/words.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words words;
    struct error err = {0};
    if (notify_parse((struct str){(const char *)data, size}, &words, &err) < 0) {
        must(err.code == ERROR_INVALID && str_is_utf8(str_of(err.text)) && strchr(err.text, '\n') == NULL);
        return 0;
    }
    must(!words.attach && !words.get && !words.watch && !words.quit);
    must(words.port_count <= WORDS_PORTS_MAX && words.label_count <= WORDS_LABELS_MAX);
    must(words.text.size <= WORDS_TEXT_MAX && str_is_utf8(words.text));
    must(!words.has_mainpid || words.mainpid > 0);
    must(words.watchdog_ms >= 0 && words.drain_deadline_ms >= 0 && words.errno_value >= 0);
    must(!(words.reloading && words.said == SAID_READY));
    return 0;
}
