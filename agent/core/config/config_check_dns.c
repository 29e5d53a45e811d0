/* What config_check() says of dns.listen. */
#include "settings_internal.h"

#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/listen.h"

#include <stdio.h>

/* A warning: the network may be trusted. */
static void check_beyond(const struct config *config, const struct config_check *check)
{
    char text[512];
    if (listen_is_beyond(config->dns.listen) && check->warn != NULL) {
        snprintf(
            text, sizeof(text),
            "%s can be reached from beyond this machine: every machine that can send to it learns the names, "
            "hosts and "
            "ports of the fleet, and UDP does not prove who asks; where that is meant, let a firewall pass "
            "the resolvers alone, else listen on 127.0.0.1",
            config->dns.listen);
        check->warn("dns.listen", text, check->user);
    }
}

void config_check_dns(const struct config *config, const struct config_check *check)
{
    if (config->dns.listen == NULL) {
        return;
    }
#ifndef OUTRIDER_DNS
    check->report("dns.listen", "DNS is not in this program: it was built with OUTRIDER_DNS=OFF",
                  check->user);
#endif
    if (config->view.mode == CONFIG_VIEW_OFF) {
        check->report("view.mode", "off with dns.listen: there would be no fleet to answer from",
                      check->user);
    }
    check_beyond(config, check);
}
