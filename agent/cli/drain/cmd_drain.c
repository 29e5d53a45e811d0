#include "outrider/cli/common/cli.h"

#include "drain_remote_internal.h"
#include "drain_wait_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/status/status_text.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/hold.h"

#include <stdio.h>
#include <string.h>

enum { POLL_MS = 200 };

/* An agent that restarts keeps the hold. After this many failed polls it counts as gone. */
enum { FAILED_POLLS_MAX = 75 };

struct drain_options {
    const char *id; /* of any server of the fleet; NULL: the agent's own */
    const char *reason, *deadline, *expires;
    bool wait;
};

static int check_span(const struct command *command, const char *option, const char *text)
{
    int64_t ms;
    if (text == NULL || duration_parse(str_of(text), &ms) == 0) {
        return 0;
    }
    return cli_usage(command, "%s: `%s` is not a duration such as 90s, 30m or 2h", option, text);
}

static int check_id(const struct command *command, const char *id)
{
    return id != NULL && id[0] == '\0' ? cli_usage(command, "--id: empty; give ID or TYPE/ID") : 0;
}

static int check(const struct command *command, const struct drain_options *options)
{
    int status = check_span(command, "--deadline", options->deadline);
    if (status == 0) {
        status = check_span(command, "--expires", options->expires);
    }
    if (status == 0 && options->reason != NULL && strlen(options->reason) > HOLD_REASON_MAX) {
        status = cli_usage(command, "--reason: longer than %d bytes", HOLD_REASON_MAX);
    }
    if (status == 0 && !str_is_utf8(str_of(options->reason))) {
        status = cli_usage(command, "--reason: not UTF-8");
    }
    return status == 0 ? check_id(command, options->id) : status;
}

/* Polls until the wait is over. This is for people at a terminal; programs use `watch` on the status
 * socket. */
static int wait_for_end(const struct client *client)
{
    unsigned failed = 0;
    for (;;) {
        struct error err;
        json_t *document = NULL;
        struct buf text = {0};
        int status = client_get(client, &err, &document);
        enum drain_wait_end end = status == 0 ? drain_wait_end(document, &text) : DRAIN_WAIT_ON;
        if (end != DRAIN_WAIT_ON) {
            printf("%s\n", buf_text(&text));
        }
        json_decref(document);
        buf_fini(&text);
        failed = status == 0 ? 0 : failed + 1;
        if (end != DRAIN_WAIT_ON) {
            return end == DRAIN_WAIT_DONE ? EX_DONE : EX_FAILED;
        }
        if (failed > FAILED_POLLS_MAX) {
            return cli_fail(status, "while waiting: %s", err.text);
        }
        cli_pause_ms(POLL_MS);
    }
}

static void write_body(const struct drain_options *options, struct buf *body)
{
    struct json_writer json = {.out = body};
    json_write_object(&json);
    json_member_text_if(&json, "reason", options->reason);
    json_member_text_if(&json, "deadline", options->deadline);
    json_member_text_if(&json, "expires", options->expires);
    json_write_object_end(&json);
}

/* "world/w1 ", if the answer names the server. */
static void add_name(const json_t *answer, struct buf *line)
{
    if (document_text(answer, "type") != NULL) {
        status_plain(line, document_text(answer, "type"));
        buf_str(line, STR("/"));
        status_plain(line, document_text(answer, "id"));
        buf_str(line, STR(" "));
    }
}

static void print_draining(const json_t *answer, bool waits)
{
    char span[32];
    struct buf line = {0};
    add_name(answer, &line);
    buf_str(&line, STR("draining"));
    if (document_span(answer, "hold.deadlineInMs", span)) {
        buf_printf(&line, ", deadline in %s", span);
    } else if (waits) {
        buf_str(&line, STR(", no deadline: waiting until the server is empty or gone"));
    }
    if (document_span(answer, "hold.expiresInMs", span)) {
        buf_printf(&line, ", expires in %s", span);
    }
    printf("%s\n", buf_text(&line));
    fflush(stdout);
    buf_fini(&line);
}

static int drain(const struct client *client, const struct drain_options *options)
{
    struct error err;
    json_t *answer = NULL;
    struct buf body = {0};
    write_body(options, &body);
    int status = options->id == NULL
                     ? client_post(client, "/api/agent/drain", buf_view(&body), &err, &answer)
                     : drain_remote_post(client, options->id, true, buf_view(&body), &err, &answer);
    buf_fini(&body);
    if (status != 0) {
        return cli_fail(status, "%s", err.text);
    }
    print_draining(answer, options->wait);
    if (options->wait) {
        status = options->id == NULL ? wait_for_end(client) : drain_remote_wait(client, answer);
    }
    json_decref(answer);
    return status;
}

static void print_lifted(const json_t *answer)
{
    struct buf line = {0};
    add_name(answer, &line);
    buf_str(&line, STR("hold ops lifted"));
    if (document_text(answer, "status") != NULL) {
        buf_str(&line, STR(", status "));
        status_plain(&line, document_text(answer, "status"));
    }
    puts(buf_text(&line));
    buf_fini(&line);
}

int cmd_drain(const struct command *command, struct cli_args args)
{
    struct client_options where = {0};
    struct drain_options drain_options = {0};
    const struct cli_option options[] = {
        {"--config", 'c', &where.config, NULL},         {"--agent", 0, &where.agent, NULL},
        {"--token-file", 0, &where.token_file, NULL},   {"--id", 0, &drain_options.id, NULL},
        {"--reason", 0, &drain_options.reason, NULL},   {"--deadline", 0, &drain_options.deadline, NULL},
        {"--expires", 0, &drain_options.expires, NULL}, {"--wait", 0, NULL, &drain_options.wait},
    };
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    struct client client;
    status = check(command, &drain_options);
    if (status != 0 || (status = client_find(&where, &client)) != 0) {
        return status;
    }
    status = drain(&client, &drain_options);
    client_fini(&client);
    return status;
}

int cmd_undrain(const struct command *command, struct cli_args args)
{
    struct client_options where = {0};
    const char *id = NULL;
    const struct cli_option options[] = {
        {"--config", 'c', &where.config, NULL},
        {"--agent", 0, &where.agent, NULL},
        {"--token-file", 0, &where.token_file, NULL},
        {"--id", 0, &id, NULL},
    };
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    struct client client;
    status = check_id(command, id);
    if (status != 0 || (status = client_find(&where, &client)) != 0) {
        return status;
    }
    struct error err;
    json_t *answer = NULL;
    status = id == NULL ? client_post(&client, "/api/agent/undrain", STR("{}"), &err, &answer)
                        : drain_remote_post(&client, id, false, STR("{}"), &err, &answer);
    if (status != 0) {
        (void)cli_fail(status, "%s", err.text);
    } else {
        print_lifted(answer);
    }
    json_decref(answer);
    client_fini(&client);
    return status;
}
