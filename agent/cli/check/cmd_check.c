#include "outrider/cli/common/cli.h"

#include "outrider/base/buf.h"
#include "outrider/cli/check/check_live.h"
#include "outrider/core/config/config.h"
#include "outrider/shell/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Warns of a secret that every user of the machine can read, or that is empty. Group access is normal: it
 * is how the agent gets the file. A missing file is only a warning, because it may exist where the agent
 * runs. */
static void warn_of_secret(const char *file, const char *setting, const char *secret)
{
    struct stat st;
    if (secret == NULL) {
        return;
    }
    if (stat(secret, &st) < 0) {
        if (errno == ENOENT) {
            fprintf(stderr,
                    "%s: %s: warning: %s does not exist on this machine; the agent needs it on the machine "
                    "where it runs\n",
                    file, setting, secret);
        }
    } else if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        fprintf(stderr,
                "%s: %s: warning: %s has mode %04o: every user of this machine can %s it; chmod 0640 %s\n",
                file, setting, secret, (unsigned)(st.st_mode & 07777U),
                (st.st_mode & S_IROTH) != 0 ? "read" : "write", secret);
    } else if (S_ISREG(st.st_mode) && st.st_size == 0) {
        fprintf(stderr, "%s: %s: warning: %s is empty\n", file, setting, secret);
    }
}

int cmd_check(const struct command *command, struct cli_args args)
{
    const char *file = NULL;
    bool live = false;
    const struct cli_option options[] = {{"--config", 'c', &file, NULL}, {"--live", 0, NULL, &live}};
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    const char *path = config_file_path(file);
    struct buf warnings = {0};
    struct config *config = config_file_load(path, &warnings);
    if (config == NULL) {
        return EX_CONFIG;
    }
    fputs(buf_text(&warnings), stderr);
    buf_fini(&warnings);
    warn_of_secret(path, "registry.password_file", config->registry.password_file);
    warn_of_secret(path, "registry.tls.key_file", config->registry.tls.key_file);
    warn_of_secret(path, "http.token_file", config->http.token_file);
    printf("%s: ok\n", path);
    if (live) {
        fflush(stdout); /* the tests may take seconds */
        status = check_live(config);
    }
    config_fini(config);
    free(config);
    return live ? status : EX_DONE;
}
