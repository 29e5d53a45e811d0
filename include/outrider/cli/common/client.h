/* The commands' way to a running agent. */
#ifndef OUTRIDER_CLI_COMMON_CLIENT_H
#define OUTRIDER_CLI_COMMON_CLIENT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <jansson.h>

struct error;

/* Where an agent is, and which one is meant; owns its strings. */
struct client {
    char *url;         /* scheme, host and port, no path */
    char *unix_path;   /* NULL: over TCP */
    char *token_file;  /* NULL: none */
    char *config;      /* the file that said where; NULL: none did, and whoever answers is meant */
    char *type, *id;   /* who must answer, as that file says; NULL: not said (id: auto) */
    bool guessed;      /* nothing said where: it is the default address */
    char *unit_socket; /* where the file's instance would listen under systemd; NULL: the file says where */
};

/* What the command line said; NULL: nothing. */
struct client_options {
    const char *config, *agent, *token_file;
};

/* Reads "unix:PATH", "http://HOST:PORT" or "HOST:PORT" into `ret_client` (no token file). Returns 0, or -1
 * with `err` set. */
int client_parse(const char *text, struct error *err, struct client *ret_client) MUST_CHECK;

/* Where an agent that listens at `listen` (http.listen of a configuration) is reached: a wildcard address
 * through loopback. Errors as client_parse. */
int client_of_listen(const char *listen, struct error *err, struct client *ret_client) MUST_CHECK;

/* Finds the agent: --agent, else -c, else $OUTRIDER_AGENT, else the default configuration file if it can be
 * read, else 127.0.0.1:7117. With --agent, -c still names the token file. Returns 0; or the exit status, all
 * said. */
int client_find(const struct client_options *options, struct client *ret_client) MUST_CHECK;

/* Frees what it owns; accepts NULL. */
void client_fini(struct client *client);

/* GET /api/agent. Returns 0 with the document, the caller's (json_decref); or EX_TEMPFAIL when there is no
 * answer or another agent's than the configuration means, or when the agent cannot tell yet (503: its
 * registry is away; not where it never will, view.mode being off), and EX_FAILED when it is another error or
 * no document, with `err` set. */
int client_get(const struct client *client, struct error *err, json_t **ret_document) MUST_CHECK;

/* What client_read returns for what is not there (404). */
enum { EX_GONE = -1 };

/* GET of any `path` of the API that answers with an object. Returns as client_get, whoever answers, and
 * EX_GONE. */
int client_read(const struct client *client, const char *path, struct error *err,
                json_t **ret_document) MUST_CHECK;

/* GET of a stream of the API, which is handed over as it comes: `data` and `tick` as http_fetch has them. It
 * goes on after the event `last_id`; "": from its beginning. Returns EX_TEMPFAIL with `err` set once it has
 * ended, whoever ended it. */
int client_follow(const struct client *client, const char *path, const char *last_id,
                  bool (*data)(int status, struct str bytes, void *user), void (*tick)(void *user),
                  void *user, struct error *err) MUST_CHECK;

/* Sets `err` to what an answer that is no document says: the reason an agent gives, or that none answers
 * there. Returns EX_TEMPFAIL or EX_FAILED, as client_get does. */
int client_refusal(int status, struct str body, struct error *err);

/* POST of a JSON `body` with the token; where a configuration says who is meant, only after a GET has shown
 * that it is who answers. Returns as client_get; EX_CONFIG when the token file cannot be read. */
int client_post(const struct client *client, const char *path, struct str body, struct error *err,
                json_t **ret_document) MUST_CHECK;

#endif
