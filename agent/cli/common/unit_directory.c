/* Under systemd `auto` means the directories of the unit. An operator's shell does not have its
 * environment. */
#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/cli/common/cli.h"

#include <stdlib.h>
#include <sys/stat.h>

struct str cli_instance_name(const char *config_path)
{
    const char *slash = strrchr(config_path, '/');
    struct str name = str_of(slash == NULL ? config_path : slash + 1);
    struct str extension = STR(".yaml");
    bool instance = name.size > extension.size &&
                    str_eq((struct str){name.data + name.size - extension.size, extension.size}, extension);
    return instance ? (struct str){name.data, name.size - extension.size} : STR("");
}

void cli_use_unit_directory(const char *config_path)
{
    struct str name = cli_instance_name(config_path);
    if (getenv("RUNTIME_DIRECTORY") != NULL || name.size == 0) {
        return;
    }
    struct buf directory = {0};
    struct stat found;
    buf_printf(&directory, "/run/outrider/%.*s", STR_ARG(name));
    if (stat(buf_text(&directory), &found) == 0 && S_ISDIR(found.st_mode)) {
        (void)setenv("RUNTIME_DIRECTORY", buf_text(&directory), 1);
    }
    buf_fini(&directory);
}
