/* How a command finds a running agent and talks to it. */
#ifndef OUTRIDER_CLI_COMMON_CLIENT_H
#define OUTRIDER_CLI_COMMON_CLIENT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct cli_given;
struct error;

/* The address of an agent and the server it must have; owns its strings. */
struct client {
    char *url;             /* scheme, host and port, no path */
    char *unix_path;       /* NULL: over TCP */
    char *token_file;      /* NULL: none */
    bool reads_with_token; /* over TCP the agent wants it for reading as well */
    char *config;          /* the file that the address is from; NULL: none, and any agent is accepted */
    char *type, *id;       /* of the server, as that file has them; NULL: any (id: auto) */
    bool guessed;          /* it is the default address, because none was named */
    char *unit_socket; /* where the file's instance listens under systemd; NULL: the file names the address */
};

/* Reads "unix:PATH", "http://HOST:PORT" or "HOST:PORT" into `ret_client` (no token file). Returns 0, or -1
 * with `err` set. */
int client_parse(const char *text, struct error *err, struct client *ret_client) MUST_CHECK;

/* Where an agent that listens at `listen` (http.listen of a configuration) is reached: a wildcard address
 * through loopback. Errors as client_parse. */
int client_of_listen(const char *listen, struct error *err, struct client *ret_client) MUST_CHECK;

/* Finds the agent of a command line: --agent, else -c, else $OUTRIDER_AGENT, else the default configuration file if it can be
 * read, else 127.0.0.1:7117. With --agent, -c still names the token file. Returns 0; or the exit status,
 * the error printed. */
int client_find(const struct cli_given *given, struct client *ret_client) MUST_CHECK;

/* Frees what it owns; accepts NULL. */
void client_fini(struct client *client);

/* GET /api/agent. Returns 0 with the document, the caller's (json_decref). Otherwise sets `err` and returns EX_CONFIG when
 * the agent wants a token and its file cannot be read; EX_TEMPFAIL when no agent answers, when the wrong agent answers, or
 * when the answer is a temporary 503; EX_FAILED for any other error (a 503 because view.mode is off is one). */
int client_get(const struct client *client, struct error *err, json_t **ret_document) MUST_CHECK;

/* Appends `text` to a path or a query, with every byte escaped that has a meaning there (RFC 3986, 2.3). */
void client_add_escaped(struct buf *url, struct str text);

/* What client_read returns for a 404. */
enum { EX_GONE = -1 };

/* GET of any `path` of the API that answers with an object, from any agent. Returns as client_get, or
 * EX_GONE. */
int client_read(const struct client *client, const char *path, struct error *err,
                json_t **ret_document) MUST_CHECK;

/* The same with the token, from the agent that has taken one with a POST. */
int client_read_with_token(const struct client *client, const char *path, struct error *err,
                           json_t **ret_document) MUST_CHECK;

/* GET of an event stream of the API; `data` and `tick` as in http_fetch. It resumes after the event
 * `last_id`; "": from its beginning. Returns EX_TEMPFAIL with `err` set once the stream has ended; EX_CONFIG as client_get. */
int client_follow(const struct client *client, const char *path, const char *last_id,
                  bool (*data)(int status, struct str bytes, void *user), void (*tick)(void *user),
                  void *user, struct error *err) MUST_CHECK;

/* Sets `err` to the reason of an error answer with `body`. Returns EX_TEMPFAIL or EX_FAILED, as client_get
 * does. */
int client_refusal(int status, struct str body, struct error *err);

/* POST of a JSON `body` with the token. Where the address is from a configuration, a GET first makes sure
 * that the right agent answers. Returns as client_get; EX_CONFIG when the token file cannot be read. */
int client_post(const struct client *client, const char *path, struct str body, struct error *err,
                json_t **ret_document) MUST_CHECK;

#endif
