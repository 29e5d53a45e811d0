/* Finds the agent: by the command line, the environment or the configuration, in this order. */
#include "outrider/cli/common/client.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/cli/common/cli.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/shell/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char fallback[] = "http://127.0.0.1:7117";

/* Over TCP, or over the unix socket. */
static int set_address(struct client *ret_client, const char *scheme, struct str address,
                       const char *unix_path)
{
    struct buf url = {0};
    buf_printf(&url, "%s%.*s", scheme, STR_ARG(address));
    *ret_client = (struct client){.url = mem_strdup(buf_text(&url)), .unix_path = mem_strdup(unix_path)};
    buf_fini(&url);
    return 0;
}

int client_parse(const char *text, struct error *err, struct client *ret_client)
{
    struct str address = str_of(text), host;
    uint16_t port;
    if (str_starts(address, STR("unix:"))) {
        return text[5] == '\0' ? error_set(err, ERROR_INVALID, "unix: needs the path of a socket")
                               : set_address(ret_client, "http://", STR("localhost"), text + 5);
    }
    size_t scheme = str_starts(address, STR("http://")) ? 7 : str_starts(address, STR("https://")) ? 8 : 0;
    while (scheme > 0 && address.size > scheme && address.data[address.size - 1] == '/') {
        address.size--;
    }
    if (scheme > 0 ? address.size > scheme : address_split(address, &host, &port) == 0) {
        return set_address(ret_client, scheme > 0 ? "" : "http://", address, NULL);
    }
    return error_set(err, ERROR_INVALID, "`%s` is not http://HOST:PORT, HOST:PORT or unix:PATH", text);
}

int client_of_listen(const char *listen, struct error *err, struct client *ret_client)
{
    char text[300];
    struct listen_place place;
    if (listen_read(listen, &place) < 0 || place.kind == LISTEN_UNIX) {
        return client_parse(listen, err, ret_client);
    }
    bool any = str_eq(place.host, STR("0.0.0.0")) || str_eq(place.host, STR("::"));
    const char *scheme = place.kind == LISTEN_TLS ? "https://" : "";
    if (any) {
        snprintf(text, sizeof(text), "%s%s:%u", scheme, place.host.data[0] == ':' ? "[::1]" : "127.0.0.1",
                 place.port);
    } else {
        snprintf(text, sizeof(text), "%s%.*s", scheme, STR_ARG(place.address));
    }
    return client_parse(text, err, ret_client);
}

/* The server whose agent the file configures. Where the file names no address, the default address may belong
 * to any agent. */
static void take_identity(const char *path, const struct config *config, struct client *client)
{
    struct str instance = cli_instance_name(path);
    client->config = mem_strdup(path);
    client->type = mem_strdup(config->server.type);
    client->id = str_eq(str_of(config->server.id), STR("auto")) ? NULL : mem_strdup(config->server.id);
    if (client->unix_path == NULL && instance.size > 0 && strcmp(client->url, fallback) == 0) {
        struct buf path_there = {0};
        buf_printf(&path_there, "/run/outrider/%.*s/http.sock", STR_ARG(instance));
        client->unit_socket = mem_strdup(buf_text(&path_there));
        buf_fini(&path_there);
    }
}

static int use_config(const char *path, struct client *ret_client)
{
    cli_use_unit_directory(path);
    struct config *config = config_file_load(path, NULL);
    if (config == NULL) {
        return EX_CONFIG;
    }
    struct error err;
    int status = 0;
    const char *listen = listen_for_commands(config);
    if (listen == NULL) {
        status = cli_fail(EX_TEMPFAIL, "%s: http.listen is off, so the agent has no API", path);
    } else if (client_of_listen(listen, &err, ret_client) < 0) {
        status = cli_fail(EX_CONFIG, "%s: http.listen: %s", path, err.text);
    } else {
        ret_client->token_file = mem_strdup(config->http.token_file);
        ret_client->reads_with_token = config_reads_by_login(config);
        take_identity(path, config, ret_client);
    }
    config_fini(config);
    free(config);
    return status;
}

static int use_text(const char *what, const char *text, struct client *ret_client)
{
    struct error err;
    return client_parse(text, &err, ret_client) < 0 ? cli_fail(EX_USAGE, "%s: %s", what, err.text) : 0;
}

static int find(const struct cli_given *given, struct client *ret_client)
{
    const char *environment = getenv("OUTRIDER_AGENT");
    const char *file = config_file_path(NULL);
    if (given->agent != NULL) {
        return use_text("--agent", given->agent, ret_client);
    }
    if (given->config != NULL) {
        return use_config(given->config, ret_client);
    }
    if (environment != NULL && environment[0] != '\0') {
        return use_text("$OUTRIDER_AGENT", environment, ret_client);
    }
    if (access(file, R_OK) == 0) {
        return use_config(file, ret_client);
    }
    *ret_client = (struct client){.url = mem_strdup(fallback), .guessed = true};
    return 0;
}

/* With --agent, -c names only the token file. */
static int add_token(const struct cli_given *given, struct client *client)
{
    struct client of_file;
    if (given->token_file != NULL) {
        free(client->token_file);
        client->token_file = mem_strdup(given->token_file);
        client->reads_with_token = true;
    } else if (given->agent != NULL && given->config != NULL) {
        int status = use_config(given->config, &of_file);
        if (status != 0) {
            return status;
        }
        client->token_file = of_file.token_file;
        client->reads_with_token = of_file.reads_with_token;
        of_file.token_file = NULL;
        client_fini(&of_file);
    }
    return 0;
}

int client_find(const struct cli_given *given, struct client *ret_client)
{
    struct client client = {0};
    int status = find(given, &client);
    status = status != 0 ? status : add_token(given, &client);
    if (status != 0) {
        client_fini(&client);
        return status;
    }
    *ret_client = client;
    return 0;
}
