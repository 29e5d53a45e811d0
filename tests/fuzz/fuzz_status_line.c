/* Lines: whatever is refused has a one-line reply, whatever is taken keeps the limits of core/words.h. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/seats/reservation.h"
#include "outrider/core/server/status_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str text, bool tabs)
{
    must(str_is_utf8(text));
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        must((byte >= 0x20 && byte != 0x7f) || (tabs && byte == '\t'));
        must(byte != 0xc2 || (unsigned char)text.data[i + 1] >= 0xa0);
    }
}

static void check_one_line(struct str text)
{
    check_text(text, false);
}

static void check_refused(const struct status_line_error *error)
{
    struct buf out = {0};
    status_line_error_reply(&out, error);
    must(out.size < 80 + sizeof(error->hint));
    check_one_line(buf_view(&out));
    buf_fini(&out);
}

static void check_taken(const struct status_message *message)
{
    must(message->port_count <= STATUS_PORTS_MAX && message->label_count <= STATUS_LABELS_MAX);
    must(message->text.size <= STATUS_TEXT_MAX);
    check_text(message->text, true);
    must(message->claim_count <= STATUS_CLAIMS_MAX);
    for (size_t i = 0; i < message->claim_count; i++) {
        must(reservation_is_id(message->claims[i]));
    }
    must(message->drain_deadline_ms >= 0 && message->watchdog_ms >= 0);
    must(!(message->drain && message->undrain));
    for (size_t i = 0; i < message->port_count; i++) {
        must(message->ports[i] != 0);
    }
    for (size_t i = 0; i < message->label_count; i++) {
        must(message->labels[i].name.size > 0 && message->labels[i].value.size <= STATUS_LABEL_VALUE_MAX);
        check_one_line(message->labels[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct status_message message;
    struct status_line_error error;
    struct str line = {(const char *)data, size};
    if (status_line_parse(line, &message, &error) < 0) {
        check_refused(&error);
    } else {
        check_taken(&message);
    }
    struct buf out = {0};
    status_line_drain_event(&out, true, (int64_t)size, line);
    check_one_line(buf_view(&out));
    buf_fini(&out);
    return 0;
}
