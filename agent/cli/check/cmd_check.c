#include "outrider/cli/common/cli.h"

#include "check_internal.h"
#include "outrider/base/buf.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/core/config/config.h"
#include "outrider/registry/registry.h"
#include "outrider/shell/config_file.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_limits(const char *path, const struct config *config, struct buf *problems)
{
    struct registry_access access = {0};
    int status = registry_access_open(&access, &config->registry);
    if (status == EX_DONE) {
        struct registry *registry = registry_access_new(&access, &config->registry);
        status = check_limits(path, config, registry_limits(registry), problems) ? EX_CONFIG : EX_DONE;
        check_host(path, config, &access, problems);
        registry_free(registry);
        registry_access_close(&access);
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
    const char *word = line->words.count > 0 ? line->words.words[0] : NULL;
    if (word != NULL && line->given.config != NULL) {
        return cli_usage(line->command, "two files, `-c %s` and `%s`: want one", line->given.config, word);
    }
    const char *path = config_file_path(word != NULL ? word : line->given.config);
    struct buf problems = {0};
    struct config *config = config_file_load(path, &problems);
    if (config == NULL) {
        return EX_CONFIG;
    }
    int status = compare_limits(path, config, &problems);
    check_local(path, config, &problems);
    status = check_access(path, config, &problems) ? EX_CONFIG : status;
    cli_print(stderr, "%s", buf_text(&problems));
    buf_fini(&problems);
    if (status == EX_DONE) {
        print_ok(path, config);
        status = line->given.live ? check_live(path, config) : EX_DONE;
    }
    config_fini(config);
    free(config);
    return status;
}
