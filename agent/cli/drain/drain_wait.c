#include "drain_wait_internal.h"

#include "outrider/base/buf.h"
#include "outrider/cli/common/document.h"

#include <inttypes.h>
#include <string.h>

static const json_t *ops_hold(const json_t *document)
{
    size_t i;
    const json_t *hold;
    json_array_foreach(document_at(document, "holds"), i, hold)
    {
        const char *kind = document_text(hold, "kind");
        if (kind != NULL && strcmp(kind, "ops") == 0) {
            return hold;
        }
    }
    return NULL;
}

static enum drain_wait_end at_deadline(const json_t *document, struct buf *text)
{
    int64_t players;
    buf_str(text, STR("deadline reached: "));
    if (document_number(document, "life.players", &players)) {
        buf_printf(text, "players left: %" PRId64, players);
    } else {
        buf_str(text, STR("number of players unknown"));
    }
    return DRAIN_WAIT_FAILED;
}

enum drain_wait_end drain_wait_end(const json_t *document, struct buf *ret_text)
{
    const json_t *hold = ops_hold(document);
    const char *outcome = document_text(hold, "outcome");
    if (hold == NULL) {
        buf_str(ret_text, STR("undrained: the hold was lifted or expired"));
        return DRAIN_WAIT_FAILED;
    }
    if (outcome == NULL || strcmp(outcome, "waiting") == 0) {
        return DRAIN_WAIT_ON;
    }
    if (strcmp(outcome, "empty") == 0) {
        buf_str(ret_text, STR("empty: no players left"));
        return DRAIN_WAIT_DONE;
    }
    if (strcmp(outcome, "gone") == 0) {
        buf_str(ret_text, STR("gone: the server has ended"));
        return DRAIN_WAIT_DONE;
    }
    return at_deadline(document, ret_text);
}
