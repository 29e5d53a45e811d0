/* outrider drains: many servers, in waves. */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/common/table.h"
#include "outrider/os/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 500, BY_MAX = 64 };

/* ---- the request ---- */

static void set_text(json_t *body, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(body, name, json_string(text));
    }
}

/* A number where it is one; else the text, which the agent refuses. */
static json_t *number_of(const char *text)
{
    int64_t number;
    return str_to_i64(str_of(text), &number) == 0 ? json_integer(number) : json_string(text);
}

static void set_number(json_t *body, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(body, name, number_of(text));
    }
}

static void add_filter(json_t *body, const struct cli_given *given)
{
    json_t *filter = json_object();
    set_text(filter, "type", given->type);
    set_text(filter, "status", given->status);
    set_text(filter, "region", given->region);
    set_text(filter, "zone", given->zone);
    set_text(filter, "group", given->group);
    json_t *tags = given->tags.count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < given->tags.count; i++) {
        json_array_append_new(tags, json_string(given->tags.values[i]));
    }
    if (tags != NULL) {
        json_object_set_new(filter, "tag", tags);
    }
    for (size_t i = 0; i < given->labels.count; i++) {
        struct buf name = {0};
        struct str value, label = str_split(str_of(given->labels.values[i]), '=', &value);
        buf_printf(&name, "label.%.*s", STR_ARG(label));
        json_object_set_new(filter, buf_text(&name), json_stringn(value.data, value.size));
        buf_fini(&name);
    }
    json_object_set_new(body, "filter", filter);
}

/* The body of a preview and of a start. */
static json_t *make_body(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    json_t *body = json_object();
    if (line->words.count > 1) {
        json_t *servers = json_array();
        for (size_t i = 1; i < line->words.count; i++) {
            json_array_append_new(servers, json_string(line->words.words[i]));
        }
        json_object_set_new(body, "servers", servers);
    } else {
        add_filter(body, given);
    }
    set_text(body, "reason", given->reason);
    if (given->wave != NULL) {
        json_object_set_new(body, "wave", json_pack("{s:o}", "size", number_of(given->wave)));
    }
    set_number(body, "maxDraining", given->max_draining);
    set_number(body, "freeSeats", given->free_seats);
    if (given->keep_none) {
        json_object_set_new(body, "keepOne", json_false());
    }
    set_text(body, "pause", given->pause);
    set_text(body, "settle", given->settle);
    set_text(body, "deadline", given->deadline);
    if (given->stop_after != NULL) {
        json_object_set_new(body, "onError", json_pack("{s:o}", "stopAfter", number_of(given->stop_after)));
    }
    set_text(body, "then", given->then);
    struct buf by = {0};
    user_at_host(given->by, &by);
    json_object_set_new(body, "by", json_stringn(by.data, by.size < BY_MAX ? by.size : BY_MAX));
    buf_fini(&by);
    return body;
}

static int post(const struct client *client, const char *path, const json_t *body, json_t **ret_answer)
{
    struct error err;
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return cli_fail(EX_FAILED, "an argument is not UTF-8");
    }
    int status = client_post(client, path, str_of(text), &err, ret_answer);
    free(text);
    return status == 0 ? 0 : cli_fail(status, "%s", err.text);
}

/* ---- what is shown ---- */

static void add_number(struct table *table, int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, number);
    table_add(table, number < 0 ? "" : text, NULL);
}

static void show(struct table *table)
{
    struct buf screen = {0};
    table_print(table, 0, table_rows(table), 0, cli_colour(), &screen);
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
    table_fini(table);
}

static void add_heads(struct table *table, const char *const *heads)
{
    for (size_t i = 0; i < table->columns; i++) {
        table_add(table, heads[i], NULL);
    }
}

static void print_plan(const json_t *plan)
{
    static const char *const heads[] = {"WAVE", "SERVER", "STATUS", "PLAYERS", "WARNINGS"};
    struct table table = {.columns = COUNT_OF(heads)};
    size_t i, k;
    const json_t *server, *wave, *warning;
    add_heads(&table, heads);
    json_array_foreach(json_object_get(plan, "servers"), i, server)
    {
        struct buf warnings = {0};
        json_array_foreach(json_object_get(server, "warnings"), k, warning)
        {
            buf_printf(&warnings, "%s%s", k > 0 ? ", " : "", json_string_value(warning));
        }
        add_number(&table, document_number_or(server, "wave", -1));
        table_add(&table, document_text(server, "server"), NULL);
        table_add(&table, document_text(server, "status"), NULL);
        add_number(&table, document_number_or(server, "players", -1));
        table_add(&table, buf_text(&warnings), NULL);
        buf_fini(&warnings);
    }
    show(&table);
    json_array_foreach(json_object_get(plan, "waves"), i, wave)
    {
        printf("wave %zu: %" PRId64 " servers, %" PRId64 " players, %" PRId64 " free seats after it%s\n",
               i + 1, document_number_or(wave, "servers", 0), document_number_or(wave, "players", 0),
               document_number_or(wave, "freeSeatsAfter", 0),
               document_true(wave, "belowFreeSeats") ? ": it waits until there are more than --free-seats"
                                                     : "");
    }
    printf("plan %s\n", document_text_or(plan, "planHash", ""));
}

static void print_line(const json_t *drain)
{
    cli_print(stdout,
              "%s %s: wave %" PRId64 " of %" PRId64 ", %" PRId64 " waiting, %" PRId64 " draining, %" PRId64
              " empty, %" PRId64 " gone, %" PRId64 " skipped, %" PRId64 " failed%s%s\n",
              document_text_or(drain, "id", ""), document_text_or(drain, "state", ""),
              document_number_or(drain, "atWave", 0), document_number_or(drain, "waves", 0),
              document_number_or(drain, "counts.waiting", 0), document_number_or(drain, "counts.draining", 0),
              document_number_or(drain, "counts.empty", 0), document_number_or(drain, "counts.gone", 0),
              document_number_or(drain, "counts.skipped", 0), document_number_or(drain, "counts.failed", 0),
              document_text(drain, "why") == NULL ? "" : ": ", document_text_or(drain, "why", ""));
    fflush(stdout);
}

static void print_drain(const json_t *drain)
{
    static const char *const heads[] = {"WAVE", "SERVER", "STATE", "HELD", "WHY"};
    struct table table = {.columns = COUNT_OF(heads)};
    size_t i;
    const json_t *server;
    print_line(drain);
    if (document_text(drain, "waitsFor.text") != NULL) {
        cli_print(stdout, "waits for %s\n", document_text(drain, "waitsFor.text"));
    }
    add_heads(&table, heads);
    json_array_foreach(json_object_get(drain, "servers"), i, server)
    {
        add_number(&table, document_number_or(server, "wave", -1));
        table_add(&table, document_text(server, "server"), NULL);
        table_add(&table, document_text(server, "state"), NULL);
        table_add(&table, document_true(server, "held") ? "held" : "", NULL);
        table_add(&table, document_text(server, "why"), NULL);
    }
    show(&table);
}

static void print_list(const json_t *document)
{
    static const char *const heads[] = {"ID", "STATE", "WAVE", "OF", "HOLDS", "BY", "REASON"};
    struct table table = {.columns = COUNT_OF(heads)};
    size_t i;
    const json_t *drain, *drains = json_object_get(document, "drains");
    if (json_array_size(drains) == 0) {
        printf("no drains of many servers\n");
        return;
    }
    add_heads(&table, heads);
    json_array_foreach(drains, i, drain)
    {
        table_add(&table, document_text(drain, "id"), NULL);
        table_add(&table, document_text(drain, "state"), NULL);
        add_number(&table, document_number_or(drain, "atWave", -1));
        add_number(&table, document_number_or(drain, "waves", -1));
        add_number(&table, document_number_or(drain, "holds", -1));
        table_add(&table, document_text(drain, "by"), NULL);
        table_add(&table, document_text(drain, "reason"), NULL);
    }
    show(&table);
}

/* Prints, and frees it. */
static int print(const struct cli_line *line, json_t *document, void (*print_text)(const json_t *))
{
    bool printed = true;
    if (line->given.json) {
        printed = document_print(document, JSON_INDENT(2));
    } else {
        document_make_printable(document);
        print_text(document);
    }
    json_decref(document);
    return printed ? EX_DONE : cli_fail(EX_FAILED, "the answer cannot be printed");
}

/* ---- actions ---- */

static int plan(const struct cli_line *line, const struct client *client, bool start)
{
    json_t *body = make_body(line), *answer = NULL;
    int status = 0;
    if (!start || line->given.plan == NULL) {
        status = post(client, "/api/drains?preview=true", body, &answer);
        if (status == 0 && start) {
            json_object_set(body, "planHash", json_object_get(answer, "planHash"));
            json_decref(answer);
        }
    } else {
        set_text(body, "planHash", line->given.plan);
    }
    if (status == 0 && start) {
        status = post(client, "/api/drains", body, &answer);
    }
    json_decref(body);
    return status == 0 ? print(line, answer, start ? print_drain : print_plan) : status;
}

static void add_path(struct buf *path, const char *id, const char *action)
{
    buf_str(path, STR("/api/drains/"));
    client_add_escaped(path, str_of(id));
    buf_str(path, str_of(action));
}

static int order(const struct cli_line *line, const struct client *client)
{
    struct buf path = {0}, action = {0};
    json_t *body = json_object(), *answer = NULL;
    buf_printf(&action, "/%s", line->words.words[0]);
    add_path(&path, line->words.words[1], buf_text(&action));
    int status = post(client, buf_text(&path), body, &answer);
    json_decref(body);
    buf_fini(&path);
    buf_fini(&action);
    return status == 0 ? print(line, answer, print_drain) : status;
}

static int get(const struct client *client, const char *path, json_t **ret_document)
{
    struct error err;
    int status = client_read(client, path, &err, ret_document);
    return status == 0         ? 0
           : status == EX_GONE ? cli_fail(EX_FAILED, "no such drain, or the agent is no observer with a view")
                               : cli_fail(status, "%s", err.text);
}

static bool is_over(const json_t *drain)
{
    return document_is(drain, "state", "done") || document_is(drain, "state", "cancelled") ||
           document_is(drain, "state", "stopped");
}

/* A line for each change until it is over. Exit 0 when it is done without errors. */
static int watch(const struct client *client, const char *path)
{
    char last[40] = "";
    for (;;) {
        json_t *drain;
        int status = get(client, path, &drain);
        if (status != 0) {
            return status;
        }
        bool over = is_over(drain),
             good = document_is(drain, "state", "done") && document_number_or(drain, "counts.failed", 0) == 0;
        const char *changed = document_text_or(drain, "changedAt", "");
        if (strcmp(last, changed) != 0) {
            snprintf(last, sizeof(last), "%s", changed);
            print_line(drain);
        }
        json_decref(drain);
        if (over) {
            return good ? EX_DONE : EX_FAILED;
        }
        cli_pause_ms(POLL_MS);
    }
}

static int look(const struct cli_line *line, const struct client *client, const char *action)
{
    struct buf path = {0};
    json_t *document;
    int status;
    if (line->words.count < 2) {
        status = get(client, "/api/drains", &document);
        return status == 0 ? print(line, document, print_list) : status;
    }
    add_path(&path, line->words.words[1], "");
    if (strcmp(action, "watch") == 0) {
        status = watch(client, buf_text(&path));
    } else {
        status = get(client, buf_text(&path), &document);
        status = status == 0 ? print(line, document, print_drain) : status;
    }
    buf_fini(&path);
    return status;
}

/* The actions, and the words that each takes. */
static const struct {
    const char *name;
    size_t min, max;
} actions[] = {{"preview", 1, SIZE_MAX}, {"start", 1, SIZE_MAX}, {"list", 1, 1},
               {"show", 2, 2},           {"watch", 2, 2},        {"pause", 2, 2},
               {"resume", 2, 2},         {"cancel", 2, 2},       {"undo", 2, 2}};

static int check(const struct cli_line *line)
{
    const char *word = line->words.count == 0 ? "list" : line->words.words[0];
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(word, actions[i].name) == 0) {
            size_t count = line->words.count == 0 ? 1 : line->words.count;
            return count < actions[i].min   ? cli_usage(line->command, "%s: name the drain by its id", word)
                   : count > actions[i].max ? cli_usage(line->command, "%s: too many words", word)
                                            : 0;
        }
    }
    const char *near = cli_nearest(word, &actions[0].name, COUNT_OF(actions), sizeof(actions[0]));
    return near == NULL ? cli_usage(line->command, "no such action: `%s`", word)
                        : cli_usage(line->command, "no such action: `%s`; did you mean `%s`?", word, near);
}

int cmd_drains(const struct cli_line *line)
{
    const char *action = line->words.count == 0 ? "list" : line->words.words[0];
    struct client client;
    int status = check(line);
    if (status != 0 || (status = client_find(&line->given, &client)) != 0) {
        return status;
    }
    bool starts = strcmp(action, "start") == 0;
    if (starts || strcmp(action, "preview") == 0) {
        status = plan(line, &client, starts);
    } else if (strcmp(action, "list") == 0 || strcmp(action, "show") == 0 || strcmp(action, "watch") == 0) {
        status = look(line, &client, action);
    } else {
        status = order(line, &client);
    }
    client_fini(&client);
    return status;
}
