/* server.host: auto takes the source address of the default route, an interface its address; anything else is
 * published as written (docs/design/protocol.md, "Defaults"). */
#include "agent_internal.h"

#include "outrider/base/error.h"
#include "outrider/os/net.h"

#include <stdio.h>
#include <string.h>

int host_look_up(const char *configured, struct error *err, char ret_host[static 256])
{
    char address[NET_ADDRESS_SIZE];
    if (strcmp(configured, "auto") == 0) {
        if (net_source_address(err, address) < 0) {
            return error_wrap(
                err, "server.host is auto and this machine has no address that others can reach; set "
                     "server.host");
        }
        snprintf(ret_host, 256, "%s", address);
        return 0;
    }
    if (net_is_address(configured)) {
        snprintf(ret_host, 256, "%s", configured);
        return 0;
    }
    if (net_interface_address(configured, err, address) < 0) {
        if (err->code != ERROR_NOT_FOUND) {
            return error_wrap(err, "server.host names an interface");
        }
        snprintf(ret_host, 256, "%s", configured); /* no interface: a name, published as it is written */
        return 0;
    }
    snprintf(ret_host, 256, "%s", address);
    return 0;
}
