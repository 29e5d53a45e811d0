#include "drain_remote_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { POLL_MS = 500, EMPTY_POLLS = 4, FAILED_POLLS_MAX = 60 };

/* Characters that need no escape (RFC 3986, 2.3). */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

static void add_segment(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (is_unreserved(text.data[i])) {
            buf_add(out, &text.data[i], 1);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.data[i]);
        }
    }
}

void drain_remote_path(const char *id, bool drain, struct buf *out)
{
    struct str rest;
    struct str first = str_split(str_of(id), '/', &rest);
    if (rest.size == 0) {
        buf_str(out, STR("/service-discovery/services/"));
        add_segment(first, out);
        buf_str(out, drain ? STR("/disable") : STR("/enable"));
        return;
    }
    buf_str(out, STR("/api/services/"));
    add_segment(first, out);
    buf_str(out, STR("/"));
    add_segment(rest, out);
    buf_str(out, drain ? STR("/drain") : STR("/undrain"));
}

int drain_remote_post(const struct client *client, const char *id, bool drain, struct str body,
                      struct error *err, json_t **ret_answer)
{
    struct buf path = {0};
    drain_remote_path(id, drain, &path);
    int status = client_post(client, buf_text(&path), body, err, ret_answer);
    buf_fini(&path);
    return status;
}

static bool is_held(const json_t *record)
{
    size_t i;
    const json_t *hold;
    json_array_foreach(document_at(record, "drain.holds"), i, hold)
    {
        const char *kind = json_string_value(hold);
        if (kind != NULL && strcmp(kind, "ops") == 0) {
            return true;
        }
    }
    return false;
}

struct wait {
    unsigned empty, failed;
    bool held; /* the record has shown the hold */
};

/* Judges a polled record. Returns the line to print and end with, or NULL to continue. */
static const char *judge(struct wait *wait, const json_t *record, int *ret_status)
{
    bool held = is_held(record);
    *ret_status = EX_FAILED;
    if (wait->held && !held) {
        return "undrained: the hold was lifted or expired";
    }
    wait->held = wait->held || held;
    bool empty = held && document_number_or(record, "players", -1) == 0;
    wait->empty = empty ? wait->empty + 1 : 0;
    if (wait->empty >= EMPTY_POLLS) {
        *ret_status = EX_DONE;
        return "empty: no players left";
    }
    return NULL;
}

int drain_remote_wait(const struct client *client, const json_t *answer)
{
    struct buf path = {0};
    struct wait wait = {0};
    const char *type = document_text(answer, "type"), *id = document_text(answer, "id"), *line = NULL;
    int64_t deadline;
    bool ends = document_time(answer, "hold.deadline", &deadline);
    int status = EX_FAILED;
    buf_str(&path, STR("/api/services/"));
    add_segment(str_of(type), &path);
    buf_str(&path, STR("/"));
    add_segment(str_of(id), &path);
    while (line == NULL) {
        struct error err;
        json_t *record = NULL;
        int rc = client_read(client, buf_text(&path), &err, &record);
        if (rc == 0) {
            line = judge(&wait, record, &status);
            wait.failed = 0;
        } else if (rc == EX_GONE) {
            line = "gone: the server has ended";
            status = EX_DONE;
        } else if (++wait.failed > FAILED_POLLS_MAX) {
            buf_fini(&path);
            return cli_fail(rc, "while waiting: %s", err.text);
        }
        json_decref(record);
        if (line == NULL && ends && clock_wall_ms() >= deadline) {
            line = "deadline reached";
            status = EX_FAILED;
        }
        if (line == NULL) {
            cli_pause_ms(POLL_MS);
        }
    }
    puts(line);
    buf_fini(&path);
    return status;
}
