#include "outrider/cli/common/client.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/document.h"
#include "outrider/codec/text/printable.h"
#include "outrider/io/http/client/http_fetch.h"
#include "outrider/os/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An agent answers within milliseconds or not at all. Its own document is below 100 kB; a list of the fleet
 * may be as large as a view. */
enum { ANSWER_MS = 5000, DOCUMENT_MAX = 256 << 20 };

void client_fini(struct client *client)
{
    if (client != NULL) {
        free(client->url);
        free(client->unix_path);
        free(client->token_file);
        free(client->config);
        free(client->type);
        free(client->id);
        free(client->unit_socket);
        *client = (struct client){0};
    }
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

void client_add_escaped(struct buf *url, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        buf_printf(url, is_unreserved(text.data[i]) ? "%c" : "%%%02X", (unsigned char)text.data[i]);
    }
}

/* ": 2 draining, 3 full", of an answer that counts why none could be chosen. */
static void add_excluded(const json_t *document, struct error *err)
{
    const char *name, *before = ": ";
    json_t *count;
    json_object_foreach((json_t *)(uintptr_t)document_at(document, "excluded"), name, count)
    {
        if (json_integer_value(count) > 0) {
            brief_format(err->text, sizeof(err->text), "%s%s%" JSON_INTEGER_FORMAT " %s", err->text, before,
                         json_integer_value(count), name);
            before = ", ";
        }
    }
}

/* Sets `err` to the message of {"error":{"code":...,"message":...}}, or to the HTTP status where there is
 * none. Returns the exit status: 503 is temporary, except where the agent never watches the fleet. */
static int refuse(int status, const json_t *document, struct error *err)
{
    const char *message = document_text(document, "error.message"),
               *code = document_text(document, "error.code");
    char text[512];
    if (message != NULL && strcmp(code == NULL ? "" : code, "no_candidate") == 0) {
        printable_copy(text, sizeof(text), str_of(message), '?');
        (void)error_set(err, ERROR_NOT_FOUND, "%s", text);
        add_excluded(document, err);
        return EX_FAILED;
    }
    if (message == NULL) {
        (void)error_set(err, ERROR_PROTOCOL, "unexpected answer, HTTP %d: is this an Outrider agent?",
                        status);
    } else {
        printable_copy(text, sizeof(text), str_of(message), '?');
        (void)error_set(err, status == 401 ? ERROR_DENIED : ERROR_INVALID, "the agent refused: %s%s", text,
                        status == 401 ? " (use --token-file FILE, or -c FILE with http.token_file)" : "");
    }
    return status == 503 && code != NULL && strcmp(code, "view_off") != 0 ? EX_TEMPFAIL : EX_FAILED;
}

static int read_answer(int status, struct str body, struct error *err, json_t **ret_document)
{
    json_t *document = document_parse(body);
    if ((status >= 200 && status <= 202) && json_is_object(document)) {
        *ret_document = document;
        return 0;
    }
    int rc = refuse(status, document, err);
    rc = status == 404 && json_is_object(document) ? EX_GONE : rc;
    json_decref(document);
    return rc;
}

/* With several agents on one machine the default address may belong to another one, or to none. */
static void add_hint(const struct client *client, struct error *err)
{
    if (client->unit_socket != NULL) {
        brief_format(err->text, sizeof(err->text),
                     "%s; for the agent that systemd runs with %s use --agent unix:%s", err->text,
                     client->config, client->unit_socket);
    } else if (client->guessed) {
        brief_format(err->text, sizeof(err->text), "%s; name the agent with -c FILE or --agent", err->text);
    }
}

static int ask(const struct client *client, const char *method, const char *path, const char *const *headers,
               struct str body, struct error *err, json_t **ret_document)
{
    struct buf url = {0}, answer = {0};
    int status;
    buf_printf(&url, "%s%s", client->url, path);
    struct http_fetch_request request = {.method = method,
                                         .url = buf_text(&url),
                                         .unix_path = client->unix_path,
                                         .headers = headers,
                                         .body = body,
                                         .timeout_ms = ANSWER_MS,
                                         .max_response = DOCUMENT_MAX};
    int rc = http_fetch(&request, err, &status, &answer);
    if (rc < 0) {
        (void)error_wrap(err, "no agent answers");
        add_hint(client, err);
        rc = EX_TEMPFAIL;
    } else {
        rc = read_answer(status, buf_view(&answer), err, ret_document);
    }
    buf_fini(&url);
    buf_fini(&answer);
    return rc;
}

static int refuse_wrong_agent(const struct client *client, json_t *document, struct error *err)
{
    char serves[512] = "is an observer";
    document_make_printable(document);
    if (!document_true(document, "observer")) {
        snprintf(serves, sizeof(serves), "serves %s/%s", document_text_or(document, "type", "?"),
                 document_text_or(document, "id", "?"));
    }
    (void)error_set(err, ERROR_NOT_FOUND, "wrong agent at %s%s: it %s, but %s configures %s%s%s",
                    client->unix_path == NULL ? "" : "unix:",
                    client->unix_path == NULL ? client->url : client->unix_path, serves, client->config,
                    client->type, client->id == NULL ? "" : "/", client->id == NULL ? "" : client->id);
    add_hint(client, err);
    return EX_TEMPFAIL;
}

/* ---- the token ---- */

/* Makes the header with the token, or leaves it empty where no token is named. */
static int authorize(const struct client *client, struct error *err, struct buf *header)
{
    if (client->token_file == NULL) {
        return 0;
    }
    struct buf token = {0};
    int rc = secret_read(client->token_file, SECRET_TOKEN_MAX, err, &token);
    (void)buf_extend(header, SECRET_TOKEN_MAX + 64); /* so that it never moves and leaves a copy */
    buf_clear(header);
    buf_str(header, STR("Authorization: Bearer "));
    buf_str(header, str_trim(buf_view(&token)));
    secret_fini(&token);
    return rc;
}

/* The same for a request that reads. The token goes only to an agent that is known to want it: a program that takes the port of one
 * that does not run gets no token for a look at its status. */
static int authorize_reading(const struct client *client, struct error *err, struct buf *header)
{
    bool wanted = client->reads_with_token && client->unix_path == NULL;
    return wanted ? authorize(client, err, header) : 0;
}

/* ---- requests ---- */

static int read_with(const struct client *client, const char *path, int authorized, struct buf *authorization,
                     struct error *err, json_t **ret_document)
{
    int rc = authorized < 0 ? EX_CONFIG : 0;
    const char *const headers[] = {authorization->size == 0 ? NULL : buf_text(authorization), NULL};
    rc = rc != 0 ? rc : ask(client, "GET", path, headers, (struct str){NULL, 0}, err, ret_document);
    secret_fini(authorization);
    return rc;
}

int client_read(const struct client *client, const char *path, struct error *err, json_t **ret_document)
{
    struct buf authorization = {0};
    int rc = authorize_reading(client, err, &authorization);
    return read_with(client, path, rc, &authorization, err, ret_document);
}

int client_read_with_token(const struct client *client, const char *path, struct error *err,
                           json_t **ret_document)
{
    struct buf authorization = {0};
    int rc = authorize(client, err, &authorization);
    return read_with(client, path, rc, &authorization, err, ret_document);
}

int client_get(const struct client *client, struct error *err, json_t **ret_document)
{
    json_t *document = NULL;
    int rc = client_read(client, "/api/agent", err, &document);
    if (rc != 0) {
        return rc == EX_GONE ? EX_FAILED : rc;
    }
    if ((client->type != NULL && !document_is(document, "type", client->type)) ||
        (client->id != NULL && !document_is(document, "id", client->id))) {
        rc = refuse_wrong_agent(client, document, err);
        json_decref(document);
        return rc;
    }
    *ret_document = document;
    return 0;
}

/* An agent sends a comment every 15 s. */
enum { CONNECTED_SILENCE_MS = 40000 };

int client_follow(const struct client *client, const char *path, const char *last_id,
                  bool (*data)(int status, struct str bytes, void *user), void (*tick)(void *user),
                  void *user, struct error *err)
{
    struct buf url = {0}, none = {0}, resume = {0}, authorization = {0};
    const char *headers[3] = {NULL};
    int status, count = 0;
    if (authorize_reading(client, err, &authorization) < 0) {
        secret_fini(&authorization);
        return EX_CONFIG;
    }
    buf_printf(&url, "%s%s", client->url, path);
    buf_printf(&resume, "Last-Event-ID: %s", last_id);
    if (*last_id != '\0') {
        headers[count++] = buf_text(&resume);
    }
    if (authorization.size > 0) {
        headers[count++] = buf_text(&authorization);
    }
    struct http_fetch_request request = {.method = "GET",
                                         .url = buf_text(&url),
                                         .unix_path = client->unix_path,
                                         .headers = headers,
                                         .data = data,
                                         .tick = tick,
                                         .user = user,
                                         .silence_ms = CONNECTED_SILENCE_MS};
    if (http_fetch(&request, err, &status, &none) == 0) {
        (void)error_set(err, ERROR_UNREACHABLE, "stream closed by the agent");
    }
    buf_fini(&url);
    buf_fini(&none);
    buf_fini(&resume);
    secret_fini(&authorization);
    return EX_TEMPFAIL;
}

int client_refusal(int status, struct str body, struct error *err)
{
    json_t *document = document_parse(body);
    int rc = refuse(status, document, err);
    json_decref(document);
    return rc;
}

int client_post(const struct client *client, const char *path, struct str body, struct error *err,
                json_t **ret_document)
{
    struct buf authorization = {0};
    json_t *agent = NULL;
    int rc = authorize(client, err, &authorization) < 0 ? EX_CONFIG : 0;
    const char *const headers[] = {"Content-Type: application/json",
                                   client->token_file == NULL ? NULL : buf_text(&authorization), NULL};
    if (rc == 0 && client->type != NULL) {
        rc = client_get(client, err, &agent);
        json_decref(agent);
    }
    rc = rc != 0 ? rc : ask(client, "POST", path, headers, body, err, ret_document);
    secret_fini(&authorization);
    return rc == EX_GONE ? EX_FAILED : rc;
}
