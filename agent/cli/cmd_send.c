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

/* The path from the file; NULL with the exit status, the error printed. */
static char *socket_of_config(const char *file, int *ret_status)
{
    const char *path = config_file_path(file);
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
        struct str instance = cli_instance_name(path);
        *ret_status = cli_fail(EX_TEMPFAIL,
                               "status.socket of %s is off: $RUNTIME_DIRECTORY is not set; use"
                               " --socket /run/outrider/%.*s/status.sock",
                               path, instance.size > 0 ? (int)instance.size : 4,
                               instance.size > 0 ? instance.data : "NAME");
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
        status = cli_fail(EX_TEMPFAIL, "%s", err.text);
    } else {
        printf("%s\n", buf_text(&reply));
        status = str_starts(buf_view(&reply), STR("ERR")) ? EX_FAILED : EX_DONE;
    }
    buf_fini(&reply);
    return status;
}

static int send_line(const struct command *command, const char *socket, const char *file, struct str line)
{
    int status = check_line(command, line);
    if (status != 0 || socket != NULL) {
        return status != 0 ? status : ask(socket, line);
    }
    char *path = socket_of_config(file, &status);
    if (path != NULL) {
        status = ask(path, line);
    }
    free(path);
    return status;
}

int cmd_send(const struct command *command, struct cli_args args)
{
    const char *file = NULL, *socket = NULL;
    const struct cli_option options[] = {{"--config", 'c', &file, NULL}, {"--socket", 0, &socket, NULL}};
    struct cli_args words;
    int status;
    if (!cli_options(command, args, options, COUNT_OF(options), &words, &status)) {
        return status;
    }
    if (words.count == 0) {
        return cli_usage(command, "no words given");
    }
    struct buf line = {0};
    for (size_t i = 0; i < words.count; i++) {
        buf_printf(&line, "%s%s", i == 0 ? "" : " ", words.words[i]);
    }
    status = line.size == 0 ? cli_usage(command, "no words given")
                            : send_line(command, socket, file, buf_view(&line));
    buf_fini(&line);
    return status;
}
