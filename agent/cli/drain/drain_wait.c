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

static enum drain_wait_end at_deadline(const json_t *document, struct buf *words)
{
    int64_t players;
    buf_str(words, STR("deadline: the time is up, "));
    if (document_number(document, "life.players", &players)) {
        buf_printf(words, "players left: %" PRId64, players);
    } else {
        buf_str(words, STR("and the server has not said how many players are left"));
    }
    return DRAIN_WAIT_FAILED;
}

enum drain_wait_end drain_wait_end(const json_t *document, struct buf *ret_words)
{
    const json_t *hold = ops_hold(document);
    const char *outcome = document_text(hold, "outcome");
    if (hold == NULL) {
        buf_str(ret_words, STR("undrained: somebody lifted the hold, or it expired"));
        return DRAIN_WAIT_FAILED;
    }
    if (outcome == NULL || strcmp(outcome, "waiting") == 0) {
        return DRAIN_WAIT_ON;
    }
    if (strcmp(outcome, "empty") == 0) {
        buf_str(ret_words, STR("empty: no players are left"));
        return DRAIN_WAIT_DONE;
    }
    if (strcmp(outcome, "gone") == 0) {
        buf_str(ret_words, STR("gone: the server has ended"));
        return DRAIN_WAIT_DONE;
    }
    return at_deadline(document, ret_words);
}
