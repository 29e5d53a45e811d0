#include "outrider/cli/common/cli.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/cli/common/line_client.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/status_message.h"
#include "outrider/shell/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The socket of `config` in the file `path` is off. */
static int fail_off(const char *path, const struct config *config, struct str instance)
{
    if (!config->status.socket_auto) {
        return cli_fail(
            EX_TEMPFAIL,
            "the agent has no status socket: status.socket of %s is null; set it to a path and restart"
            " the agent",
            path);
    }
    return cli_fail(
        EX_TEMPFAIL,
        "no status socket is known: status.socket of %s is auto, and $RUNTIME_DIRECTORY is not set;"
        " under systemd use --socket /run/outrider/%.*s/status.sock; for an agent that is run by hand"
        " set status.socket to a path and restart it",
        path, STR_ARG(instance.size > 0 ? instance : STR("NAME")));
}

/* The path from the file; NULL with the exit status, the error printed. */
static char *socket_of_config(const char *file, int *ret_status)
{
    const char *path = config_file_path(file);
    struct str instance = cli_instance_name(path);
    cli_use_unit_directory(path);
    struct config *config = config_file_load(path, NULL);
    if (config == NULL) {
        *ret_status = EX_CONFIG;
        return NULL;
    }
    char *socket = config->server.present ? mem_strdup(config->status.socket) : NULL;
    if (!config->server.present) {
        *ret_status =
            cli_fail(EX_CONFIG,
                     "%s has no server section: an observer has no status socket; name the file of the"
                     " server's agent with -c FILE",
                     path);
    } else if (socket == NULL) {
        *ret_status = fail_off(path, config, instance);
    }
    config_fini(config);
    free(config);
    return socket;
}

/* Refuses what needs a connection that stays open, and options after the words. Everything else is left to
 * the agent. */
static int check_line(const struct command *command, struct str line)
{
    struct status_message words;
    struct status_line_error problem;
    if (memchr(line.data, '\n', line.size) != NULL) {
        return cli_usage(command, "the words have a line break: send one line at a time");
    }
    if (status_line_parse(line, &words, &problem) < 0) {
        /* No word and no key begins with a dash; the text after # may, and is not parsed. */
        return problem.detail[0] == '-'
                   ? cli_usage(command, "`%s`: options must come before the words", problem.detail)
                   : 0;
    }
    if (words.attach || words.watch) {
        return cli_usage(command, "`%s` needs a connection that stays open; this one closes after the reply",
                         words.attach ? "attach" : "watch");
    }
    return 0;
}

static int ask(const char *socket, struct str line)
{
    struct error err;
    struct buf reply = {0};
    int status = EX_DONE;
    if (line_client_ask(socket, line, &err, &reply) < 0) {
        const char *hint =
            err.code == ERROR_UNREACHABLE ? "; is the agent running, with this status.socket?" : "";
        status = cli_fail(EX_TEMPFAIL, "%s%s", err.text, hint);
    } else {
        cli_print(stdout, "%s\n", buf_text(&reply));
        status = str_starts(buf_view(&reply), STR("ERR")) ? EX_FAILED : EX_DONE;
    }
    buf_fini(&reply);
    return status;
}

static int send_line(const struct cli_line *line, struct str words)
{
    int status = check_line(line->command, words);
    if (status != 0 || line->given.socket != NULL) {
        return status != 0 ? status : ask(line->given.socket, words);
    }
    char *path = socket_of_config(line->given.config, &status);
    status = path != NULL ? ask(path, words) : status;
    free(path);
    return status;
}

int cmd_send(const struct cli_line *line)
{
    struct buf words = {0};
    for (size_t i = 0; i < line->words.count; i++) {
        buf_printf(&words, "%s%s", i == 0 ? "" : " ", line->words.words[i]);
    }
    int status =
        words.size == 0 ? cli_usage(line->command, "no words given") : send_line(line, buf_view(&words));
    buf_fini(&words);
    return status;
}
