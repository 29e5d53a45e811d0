#include "drain_wait_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* An agent that restarts keeps the hold. After so many failed polls it counts as gone. */
enum { OWN_POLL_MS = 200, OWN_FAILED_MAX = 75, RECORD_POLL_MS = 500, RECORD_FAILED_MAX = 60 };
enum { EMPTY_POLLS = 4 };

static int end(struct buf *text, int status, const char *words)
{
    buf_str(text, str_of(words));
    return status;
}

/* A server is empty when its record has had 0 players for two seconds. */
static int judge_record(struct drain_wait *wait, const json_t *record, struct buf *text)
{
    size_t i;
    const json_t *hold;
    bool held = false;
    json_array_foreach(document_at(record, "drain.holds"), i, hold)
    {
        held = held || document_is(hold, "", "ops");
    }
    if (wait->held && !held) {
        return end(text, EX_FAILED, "undrained: the hold was lifted or expired");
    }
    wait->held = held;
    wait->empty = held && document_number_or(record, "players", -1) == 0 ? wait->empty + 1 : 0;
    return wait->empty >= EMPTY_POLLS ? end(text, EX_DONE, "empty: no players left") : DRAIN_WAIT_ON;
}

int drain_wait_judge(struct drain_wait *wait, const json_t *document, struct buf *ret_text)
{
    size_t i;
    const json_t *hold, *ops = NULL;
    int64_t players;
    if (wait->record != NULL) {
        return judge_record(wait, document, ret_text);
    }
    json_array_foreach(document_at(document, "holds"), i, hold)
    {
        ops = ops == NULL && document_is(hold, "kind", "ops") ? hold : ops;
    }
    if (ops == NULL) {
        return end(ret_text, EX_FAILED, "undrained: the hold was lifted or expired");
    }
    if (document_text(ops, "outcome") == NULL || document_is(ops, "outcome", "waiting")) {
        return DRAIN_WAIT_ON;
    }
    if (document_is(ops, "outcome", "empty")) {
        return end(ret_text, EX_DONE, "empty: no players left");
    }
    if (document_is(ops, "outcome", "gone")) {
        return end(ret_text, EX_DONE, "gone: the server has ended");
    }
    if (document_number(document, "life.players", &players)) {
        buf_printf(ret_text, "deadline reached: players left: %" PRId64, players);
        return EX_FAILED;
    }
    return end(ret_text, EX_FAILED, "deadline reached: number of players unknown");
}

int drain_wait(struct drain_wait *wait, const struct client *client)
{
    struct buf text = {0};
    bool own = wait->record == NULL;
    int status = DRAIN_WAIT_ON;
    for (unsigned failed = 0; status == DRAIN_WAIT_ON;) {
        struct error err;
        json_t *document = NULL;
        int rc =
            own ? client_get(client, &err, &document) : client_read(client, wait->record, &err, &document);
        failed = rc == 0 ? 0 : failed + 1;
        if (rc == 0) {
            status = drain_wait_judge(wait, document, &text);
        } else if (rc == EX_GONE) {
            status = end(&text, EX_DONE, "gone: the server has ended");
        } else if (failed > (own ? OWN_FAILED_MAX : RECORD_FAILED_MAX)) {
            return cli_fail(rc, "while waiting: %s", err.text);
        }
        json_decref(document);
        if (status == DRAIN_WAIT_ON && clock_wall_ms() >= wait->deadline) {
            status = end(&text, EX_FAILED, "deadline reached");
        }
        if (status == DRAIN_WAIT_ON) {
            cli_pause_ms(own ? OWN_POLL_MS : RECORD_POLL_MS);
        }
    }
    puts(buf_text(&text));
    buf_fini(&text);
    return status;
}
