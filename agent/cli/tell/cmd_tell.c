/* outrider tell: sends a command to a server, and waits for its answer. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/command/command.h"

#include <stdio.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 500 };

/* The words behind NAME, with a blank between them. */
static void add_args(const struct cli_args *words, struct buf *args)
{
    for (size_t i = 2; i < words->count; i++) {
        buf_printf(args, "%s%s", i > 2 ? " " : "", words->words[i]);
    }
}

static int check(const struct cli_line *line, struct str type, struct str server, struct str args)
{
    int64_t ms;
    const char *ttl = line->given.ttl;
    struct str rest;
    if (type.size == 0 || server.size == 0 || str_split(server, '/', &rest).size != server.size) {
        return cli_usage(line->command, "`%s` is not TYPE/ID", line->words.words[0]);
    }
    if (!command_is_name(str_of(line->words.words[1]))) {
        return cli_usage(line->command, "`%s` is not the name of a command: 1 to %d of a-z, 0-9, _, . and -",
                         line->words.words[1], COMMAND_NAME_MAX);
    }
    if (!command_is_args(args)) {
        return cli_usage(line->command, "the arguments are longer than %d bytes, or not UTF-8",
                         COMMAND_ARGS_MAX);
    }
    if (ttl != NULL &&
        (duration_parse(str_of(ttl), &ms) < 0 || ms < COMMAND_TTL_MIN_MS || ms > COMMAND_TTL_MAX_MS)) {
        return cli_usage(line->command, "--ttl: `%s` is not a duration from 1s to 1h", ttl);
    }
    return 0;
}

static void add_body(const struct cli_line *line, struct str args, struct buf *body)
{
    struct json_writer json = {.out = body};
    json_write_object(&json);
    json_member_text(&json, "name", line->words.words[1]);
    json_member_string(&json, "args", args);
    json_member_text_if(&json, "ttl", line->given.ttl);
    json_write_object_end(&json);
}

/* The state of the document; QUEUED for a word that a later agent may say. */
static enum command_state state_of(const json_t *document)
{
    enum command_state state = COMMAND_QUEUED;
    (void)!command_state_parse(str_of(document_text_or(document, "state", "")), &state);
    return state;
}

/* Asks until it is final; takes `*document`, and gives the last one. */
static int await(const struct client *client, const char *path, json_t **document)
{
    struct buf one = {0};
    struct error err;
    int64_t pause = PAUSE_FIRST_MS;
    int status = 0;
    buf_printf(&one, "%s/%s", path, document_text_or(*document, "id", ""));
    while (status == 0 && !command_is_final(state_of(*document))) {
        json_t *next = NULL;
        cli_pause_ms(pause);
        pause = 2 * pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
        status = client_read_with_token(client, buf_text(&one), &err, &next);
        if (status == 0) {
            json_decref(*document);
            *document = next;
        }
    }
    buf_fini(&one);
    return status == 0 ? 0 : cli_fail(status == EX_GONE ? EX_FAILED : status, "%s", err.text);
}

static int print(const json_t *document, const struct cli_line *line)
{
    const char *text = document_text_or(document, "text", "");
    enum command_state state = state_of(document);
    if (line->given.json) {
        char *dump = json_dumps(document, JSON_COMPACT);
        printf("%s\n", dump == NULL ? "" : dump);
        free(dump);
    } else if (state == COMMAND_OK && text[0] != '\0') {
        cli_print(stdout, "%s\n", text);
    }
    if (state == COMMAND_OK) {
        return EX_DONE;
    }
    struct buf what = {0};
    buf_printf(&what, "%s %s: %s%s%s", line->words.words[0], line->words.words[1], command_state_name(state),
               text[0] == '\0' ? "" : ": ", text);
    int status = cli_fail(state == COMMAND_EXPIRED ? EX_TEMPFAIL : EX_FAILED, "%s", buf_text(&what));
    buf_fini(&what);
    return status;
}

static int tell(const struct client *client, const struct cli_line *line, const char *path, struct str args)
{
    struct error err;
    struct buf body = {0};
    json_t *document = NULL;
    add_body(line, args, &body);
    int status = client_post(client, path, buf_view(&body), &err, &document);
    status = status != 0 ? cli_fail(status, "%s", err.text) : await(client, path, &document);
    if (status == 0) {
        document_make_printable(document);
        status = print(document, line);
    }
    json_decref(document);
    buf_fini(&body);
    return status;
}

int cmd_tell(const struct cli_line *line)
{
    struct str server, type = str_split(str_of(line->words.words[0]), '/', &server);
    struct buf args = {0}, path = {0};
    struct client client;
    add_args(&line->words, &args);
    int status = check(line, type, server, buf_view(&args));
    if (status == 0 && (status = client_find(&line->given, &client)) == 0) {
        buf_str(&path, STR("/api/services/"));
        client_add_escaped(&path, type);
        buf_str(&path, STR("/"));
        client_add_escaped(&path, server);
        buf_str(&path, STR("/commands"));
        status = tell(&client, line, buf_text(&path), buf_view(&args));
        client_fini(&client);
    }
    buf_fini(&args);
    buf_fini(&path);
    return status;
}
