/* sd_notify datagrams: taken or refused as a whole, never half, and never with what needs a connection. */
#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/status/notify.h"
#include "outrider/core/server/status_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct status_message message;
    struct error err = {0};
    if (notify_parse((struct str){(const char *)data, size}, &message, &err) < 0) {
        must(err.code == ERROR_INVALID && str_is_utf8(str_of(err.text)) && strchr(err.text, '\n') == NULL);
        return 0;
    }
    must(!message.attach && !message.get && !message.watch && !message.quit);
    must(message.port_count <= STATUS_PORTS_MAX && message.label_count <= STATUS_LABELS_MAX);
    must(message.text.size <= STATUS_TEXT_MAX && str_is_utf8(message.text));
    must(!message.has_mainpid || message.mainpid > 0);
    must(message.watchdog_ms >= 0 && message.drain_deadline_ms >= 0 && message.errno_value >= 0);
    must(!(message.reloading && message.reported == REPORTED_READY));
    return 0;
}
