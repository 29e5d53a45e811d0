#include "outrider/shell/config_file.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/config/config_yaml.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"

#include <stdio.h>
#include <stdlib.h>

const char *config_file_path(const char *given)
{
    const char *named = given != NULL ? given : getenv("OUTRIDER_CONFIG");
    return named != NULL && named[0] != '\0' ? named : "/etc/outrider/outrider.yaml";
}

static const char *environment(const char *name, void *user)
{
    (void)user;
    return getenv(name);
}

enum { CONFIG_FILE_MAX = 1 << 20 };

struct config *config_file_read(const char *path, struct buf *ret_problems)
{
    struct config *config = mem_zalloc(sizeof(*config));
    struct config_problems problems = {0};
    struct buf text = {0};
    struct error err;
    int result = file_read(path, CONFIG_FILE_MAX, &err, &text);
    if (result < 0) {
        buf_printf(ret_problems, "%s\n", err.text);
    } else {
        result = config_yaml_load(str_of(path), buf_view(&text), environment, NULL, config, &problems);
        config_problems_print(&problems, ret_problems);
        config_problems_fini(&problems);
    }
    buf_fini(&text);
    if (result < 0) {
        free(config);
        return NULL;
    }
    return config;
}

struct config *config_file_load(const char *path)
{
    struct buf problems = {0};
    struct config *config = config_file_read(path, &problems);
    if (config == NULL) {
        fputs(buf_text(&problems), stderr);
    }
    buf_fini(&problems);
    return config;
}
