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

static int load(const char *path, struct config *ret_config, struct buf *problems_text)
{
    struct buf text = {0};
    struct error err;
    if (file_read(path, CONFIG_FILE_MAX, &err, &text) < 0) {
        buf_printf(problems_text, "%s\n", err.text);
        buf_fini(&text);
        return -1;
    }
    struct config_problems problems;
    int result = config_yaml_load(str_of(path), buf_view(&text), environment, NULL, ret_config, &problems);
    config_problems_print(&problems, problems_text);
    config_problems_fini(&problems);
    buf_fini(&text);
    return result;
}

struct config *config_file_read(const char *path, struct buf *ret_problems)
{
    struct config *config = mem_zalloc(sizeof(*config));
    if (load(path, config, ret_problems) < 0) {
        free(config);
        config = NULL;
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
