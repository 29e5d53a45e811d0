#include "outrider/os/user.h"

#include "outrider/base/buf.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_user(struct buf *out)
{
    const char *caller = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    const struct passwd *entry = getpwuid(geteuid());
    if (caller != NULL && caller[0] != '\0') {
        buf_str(out, str_of(caller));
    } else if (entry != NULL) {
        buf_str(out, str_of(entry->pw_name));
    } else {
        buf_printf(out, "uid %u", (unsigned)geteuid()); /* of a container without such an entry */
    }
}

bool user_host_name(char ret_name[static HOST_NAME_SIZE])
{
    ret_name[0] = ret_name[HOST_NAME_SIZE - 1] = '\0';
    return gethostname(ret_name, HOST_NAME_SIZE - 1) == 0 && ret_name[0] != '\0';
}

void user_at_host(const char *name, struct buf *out)
{
    char host[HOST_NAME_SIZE];
    if (name == NULL) {
        add_user(out);
    } else {
        buf_str(out, str_of(name));
    }
    if ((name == NULL || strchr(name, '@') == NULL) && user_host_name(host)) {
        buf_printf(out, "@%s", host);
    }
}
