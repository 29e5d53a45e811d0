/* outrider allocate: reserves seats on a server for players that are on their way. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/seats/reservation.h"
#include "services_internal.h"

#include <stdio.h>

static int check_reservation(const struct command *command, const struct cli_given *given)
{
    int64_t ms;
    uint64_t seats;
    if (given->ttl != NULL && (duration_parse(str_of(given->ttl), &ms) < 0 || ms < RESERVATION_TTL_MIN_MS ||
                               ms > RESERVATION_TTL_MAX_MS)) {
        return cli_usage(command, "--ttl: `%s` is not a duration from 1s to 1h", given->ttl);
    }
    if (given->seats != NULL &&
        (str_to_u64(str_of(given->seats), RESERVATION_SEATS_MAX, &seats) < 0 || seats == 0)) {
        return cli_usage(command, "--seats: `%s` is not a number from 1 to %d", given->seats,
                         RESERVATION_SEATS_MAX);
    }
    if (given->id != NULL && !reservation_is_id(str_of(given->id))) {
        return cli_usage(command, "--id: `%s` is not 1 to %d letters, digits and ._-:~", given->id,
                         RESERVATION_ID_MAX);
    }
    return 0;
}

static int check(const struct command *command, const struct cli_given *given, const char *type)
{
    const struct services_option options[] = {
        {"--key", given->key}, {"--strategy", given->strategy}, {"--near", given->near}};
    if (!services_is_type(type)) {
        return cli_usage(command, "`%s` is not a server type: a-z, 0-9, _ and -", type);
    }
    int status = services_check_given(command, options, COUNT_OF(options));
    status = status != 0 ? status : check_reservation(command, given);
    return status != 0 ? status : services_check_filters(command, given);
}

static void add_list(struct json_writer *json, const char *name, const struct cli_values *values)
{
    if (values->count > 0) {
        json_member_array(json, name);
        for (size_t i = 0; i < values->count; i++) {
            json_write_text(json, values->values[i]);
        }
        json_write_array_end(json);
    }
}

static void add_labels(struct json_writer *json, const struct cli_values *labels)
{
    if (labels->count == 0) {
        return;
    }
    json_member_object(json, "labels");
    for (size_t i = 0; i < labels->count; i++) {
        struct str value, name = str_split(str_of(labels->values[i]), '=', &value);
        struct buf text = {0};
        buf_str(&text, name);
        json_member_string(json, buf_text(&text), value);
        buf_fini(&text);
    }
    json_write_object_end(json);
}

static void add_body(struct buf *body, const struct cli_given *given)
{
    struct json_writer json = {.out = body};
    const struct services_option texts[] = {{"id", given->id},     {"ttl", given->ttl},
                                            {"key", given->key},   {"strategy", given->strategy},
                                            {"near", given->near}, {"region", given->region},
                                            {"zone", given->zone}, {"group", given->group}};
    json_write_object(&json);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_member_text_if(&json, texts[i].name, texts[i].value);
    }
    if (given->seats != NULL) {
        json_write_key(&json, "seats");
        json_write_raw(&json, str_of(given->seats));
    }
    add_list(&json, "tag", &given->tags);
    add_list(&json, "exclude", &given->excluded);
    add_labels(&json, &given->labels);
    json_write_object_end(&json);
}

static void print_text(const json_t *document)
{
    struct buf screen = {0};
    json_t *rows = json_pack("[O]", json_object_get(document, "service"));
    int64_t seats = document_number_or(document, "reservation.seats", 0);
    services_table(rows, NULL, 0, 0, cli_colour(), &screen);
    json_decref(rows);
    fputs(buf_text(&screen), stdout);
    cli_print(stdout, "reservation %s: %lld seat%s until %s\n",
              document_text_or(document, "reservation.id", "?"), (long long)seats, seats == 1 ? "" : "s",
              document_text_or(document, "reservation.expiresAt", "?"));
    buf_fini(&screen);
}

static int allocate(const struct client *client, const struct cli_given *given, const char *type)
{
    struct error err;
    struct buf path = {0}, body = {0};
    json_t *document = NULL;
    buf_printf(&path, "/api/allocate/%s", type);
    add_body(&body, given);
    int status = client_post(client, buf_text(&path), buf_view(&body), &err, &document);
    status =
        status != 0 ? cli_fail(status, "%s", err.text) : services_print(document, given->json, print_text);
    json_decref(document);
    buf_fini(&path);
    buf_fini(&body);
    return status;
}

int cmd_allocate(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    const char *type = line->words.words[0];
    struct client client;
    int status = check(line->command, given, type);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    status = allocate(&client, given, type);
    client_fini(&client);
    return status;
}
