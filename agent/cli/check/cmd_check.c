#include "outrider/cli/common/cli.h"

#include "check_internal.h"
#include "outrider/base/buf.h"
#include "outrider/cli/common/etcd_access.h"
#include "outrider/core/config/config.h"
#include "outrider/registry/etcd/etcd.h"
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

static int compare_limits(const char *path, const struct config *config, struct buf *problems)
{
    struct etcd_access access = {0};
    int status = etcd_access_open(&access, &config->registry);
    if (status == EX_DONE) {
        struct registry *registry = etcd_registry(etcd_new(&config->registry, access.loop, access.http));
        status = check_limits(path, config, registry_limits(registry), problems) ? EX_CONFIG : EX_DONE;
        registry_free(registry);
        etcd_access_close(&access);
    }
    return status;
}

/* Says what the file makes: one that lost its server section is valid too. */
static void print_ok(const char *path, const struct config *config)
{
    struct buf what = {0};
    config_describe(config, &what);
    printf("%s: ok, %s\n", path, buf_text(&what));
    fflush(stdout); /* the tests of --live may take seconds */
    buf_fini(&what);
}

int cmd_check(const struct cli_line *line)
{
    const char *path = config_file_path(line->given.config);
    struct buf problems = {0};
    struct config *config = config_file_load(path, &problems);
    if (config == NULL) {
        return EX_CONFIG;
    }
    int status = compare_limits(path, config, &problems);
    fputs(buf_text(&problems), stderr);
    buf_fini(&problems);
    warn_of_secret(path, "registry.password_file", config->registry.password_file);
    warn_of_secret(path, "registry.tls.key_file", config->registry.tls.key_file);
    warn_of_secret(path, "http.token_file", config->http.token_file);
    if (status == EX_DONE) {
        print_ok(path, config);
        status = line->given.live ? check_live(config) : EX_DONE;
    }
    config_fini(config);
    free(config);
    return status;
}
