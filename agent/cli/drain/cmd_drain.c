/* drain and undrain. */
#include "outrider/cli/common/cli.h"

#include "drain_wait_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/hold.h"
#include "outrider/os/user.h"

#include <stdio.h>

static int check_span(const struct command *command, const char *option, const char *text)
{
    int64_t ms;
    return text == NULL || duration_parse(str_of(text), &ms) == 0
               ? 0
               : cli_usage(command, "%s: `%s` is not a duration such as 90s, 30m or 2h", option, text);
}

static int check_line(const struct command *command, const char *option, const char *text, size_t max)
{
    if (text != NULL && strlen(text) > max) {
        return cli_usage(command, "%s: longer than %zu bytes", option, max);
    }
    return str_is_utf8(str_of(text)) ? 0 : cli_usage(command, "%s: not UTF-8", option);
}

static int check(const struct command *command, const struct cli_given *given)
{
    int status = check_span(command, "--deadline", given->deadline);
    status = status != 0 ? status : check_span(command, "--expires", given->expires);
    if (status != 0) {
        return status;
    }
    status = check_line(command, "--reason", given->reason, HOLD_REASON_MAX);
    status = status != 0 ? status : check_line(command, "--by", given->by, HOLD_BY_MAX);
    if (status != 0) {
        return status;
    }
    if (given->flapping && given->id != NULL) {
        return cli_usage(command, "--flapping: ask the agent of that server itself, without --id");
    }
    bool empty = given->id != NULL && given->id[0] == '\0';
    return empty ? cli_usage(command, "--id: empty; give ID or TYPE/ID") : 0;
}

/* ---- the request ---- */

static void add_segment(struct buf *path, const char *before, struct str text)
{
    buf_str(path, str_of(before));
    client_add_escaped(path, text);
}

/* The API path for `id`: TYPE/ID, an id that only one type has, or NULL. */
static void add_path(struct buf *path, const char *id, bool drain)
{
    struct str rest, first = str_split(str_of(id), '/', &rest);
    if (id == NULL) {
        buf_str(path, drain ? STR("/api/agent/drain") : STR("/api/agent/undrain"));
    } else if (rest.size == 0) {
        add_segment(path, "/service-discovery/services/", first);
        buf_str(path, drain ? STR("/disable") : STR("/enable"));
    } else {
        add_segment(path, "/api/services/", first);
        add_segment(path, "/", rest);
        buf_str(path, drain ? STR("/drain") : STR("/undrain"));
    }
}

/* Appends the body; `by` empty: without the operator. */
static void add_body(struct buf *body, const struct cli_given *given, struct str by)
{
    struct json_writer json = {.out = body};
    json_write_object(&json);
    if (by.size > 0) {
        json_member_string(&json, "by", by);
    }
    if (given->flapping) {
        json_member_bool(&json, "flapping", true);
    }
    json_member_text_if(&json, "reason", given->reason);
    json_member_text_if(&json, "deadline", given->deadline);
    json_member_text_if(&json, "expires", given->expires);
    json_write_object_end(&json);
}

static int post(const struct client *client, const struct cli_given *given, bool drain, json_t **ret_answer)
{
    struct error err;
    struct buf path = {0}, body = {0}, by = {0};
    add_path(&path, given->id, drain);
    user_at_host(given->by, &by);
    /* At most the host is cut. */
    add_body(&body, given, (struct str){by.data, by.size < HOLD_BY_MAX ? by.size : HOLD_BY_MAX});
    int status = client_post(client, buf_text(&path), buf_view(&body), &err, ret_answer);
    if (status == EX_FAILED && strstr(err.text, "unknown member `by`") != NULL) {
        /* An older agent, as between the installation of a new binary and the restart: it names the peer. */
        buf_clear(&body);
        add_body(&body, given, STR(""));
        status = client_post(client, buf_text(&path), buf_view(&body), &err, ret_answer);
    }
    buf_fini(&path);
    buf_fini(&body);
    buf_fini(&by);
    return status != 0 ? cli_fail(status, "%s", err.text) : 0;
}

/* ---- the answer ---- */

static void print_lifted(const json_t *answer, bool flapping)
{
    const char *status = document_text(answer, "status");
    bool nothing = json_is_false(document_at(answer, "lifted"));
    const char *text = flapping && nothing ? "not flapping, nothing to end"
                       : flapping          ? "flapping ended"
                       : nothing           ? "not drained by an operator, nothing to lift"
                                           : "operator's hold lifted";
    printf("%s%s%s\n", text, status == NULL ? "" : ", status ", status == NULL ? "" : status);
}

static void print_answer(const json_t *answer, bool drain, const struct cli_given *given)
{
    char span[32];
    const char *type = document_text(answer, "type");
    if (type != NULL) {
        printf("%s/%s ", type, document_text_or(answer, "id", ""));
    }
    if (!drain) {
        print_lifted(answer, given->flapping);
        return;
    }
    printf("draining");
    if (document_span(answer, "hold.deadlineInMs", span)) {
        printf(", deadline in %s", span);
    } else if (given->wait) {
        printf(", no deadline: waiting until the server is empty or gone");
    }
    if (document_span(answer, "hold.expiresInMs", span)) {
        printf(", expires in %s", span);
    }
    printf("\n");
    fflush(stdout);
}

static int wait_for_end(const struct client *client, const json_t *answer, bool own)
{
    struct buf record = {0};
    struct drain_wait wait = {.deadline = INT64_MAX};
    if (!own) {
        add_segment(&record, "/api/services/", str_of(document_text(answer, "type")));
        add_segment(&record, "/", str_of(document_text(answer, "id")));
        wait.record = buf_text(&record);
        (void)document_time(answer, "hold.deadline", &wait.deadline);
    }
    int status = drain_wait(&wait, client);
    buf_fini(&record);
    return status;
}

int cmd_drain(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    bool drain = line->command->bits == CLI_DRAIN; /* else undrain */
    struct client client;
    json_t *answer = NULL;
    int status = check(line->command, given);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    status = post(&client, given, drain, &answer);
    if (status == 0) {
        document_make_printable(answer);
        print_answer(answer, drain, given);
    }
    if (status == 0 && given->wait) {
        status = wait_for_end(&client, answer, given->id == NULL);
    }
    json_decref(answer);
    client_fini(&client);
    return status;
}
