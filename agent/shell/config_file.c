#include "outrider/shell/config_file.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/config/config_yaml.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/os/file.h"

#include <stdio.h>
#include <stdlib.h>

static const char default_path[] = "/etc/outrider/outrider.yaml";

const char *config_file_path(const char *given)
{
    const char *named = given != NULL ? given : getenv("OUTRIDER_CONFIG");
    return named != NULL && named[0] != '\0' ? named : default_path;
}

static const char *environment(const char *name, void *user)
{
    (void)user;
    return getenv(name);
}

enum { CONFIG_FILE_MAX = 1 << 20 };

/* What this build of libcurl lacks. Returns whether that is nothing. */
static bool check_libraries(const char *path, const struct config *config, struct buf *ret_problems)
{
    bool fits = true;
    for (size_t i = 0; i < config->probe_count && !http_client_has_http2(); i++) {
        if (config->probes[i].type == CONFIG_PROBE_GRPC) {
            buf_printf(ret_problems,
                       "%s: probes[%zu].type: grpc needs HTTP/2, which the libcurl here is built "
                       "without: install "
                       "one that `curl --version` lists HTTP2 for\n",
                       path, i);
            fits = false;
        }
    }
    return fits;
}

/* `ret_readable`: whether the problems are those of the text, which begin with the name of the file. */
static struct config *load(const char *path, struct buf *ret_problems, bool *ret_readable)
{
    struct buf text = {0};
    struct error err;
    struct config *config = NULL;
    *ret_readable = file_read(path, CONFIG_FILE_MAX, &err, &text) == 0;
    if (*ret_readable) {
        struct config_problems problems;
        config = mem_zalloc(sizeof(*config));
        if (config_yaml_load(str_of(path), buf_view(&text), environment, NULL, config, &problems) < 0) {
            free(config);
            config = NULL;
        }
        config_problems_print(&problems, ret_problems);
        if (config != NULL && !check_libraries(path, config, ret_problems)) {
            config_fini(config);
            free(config);
            config = NULL;
        }
        config_problems_fini(&problems);
    } else {
        bool named = strcmp(path, default_path) != 0;
        buf_printf(ret_problems, "%s%s\n", err.text,
                   named ? "" : "; name another file with -c FILE or $OUTRIDER_CONFIG");
    }
    buf_fini(&text);
    return config;
}

struct config *config_file_read(const char *path, struct buf *ret_problems)
{
    bool readable;
    return load(path, ret_problems, &readable);
}

struct config *config_file_load(const char *path, struct buf *ret_warnings)
{
    struct buf problems = {0};
    bool readable;
    struct config *config = load(path, &problems, &readable);
    if (config == NULL) {
        fprintf(stderr, "%s%s", readable ? "" : "outrider: ", buf_text(&problems));
    } else if (ret_warnings != NULL) {
        buf_str(ret_warnings, buf_view(&problems));
    }
    buf_fini(&problems);
    return config;
}
