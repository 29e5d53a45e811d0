/* Each probe of the file tried once, and again at the address that players are told. */
#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The probes of the file, and a connection to each port that none of them covers. */
struct tried {
    const struct config *config;
    const struct probe_tools *tools;
    const char *near; /* probe_host; where that is the published one, this machine */
    struct buf host;  /* that is published; empty: none */
    struct config_probe plain[CONFIG_PORTS_MAX];
    size_t plain_count;
    struct probe_ask asks[CONFIG_PROBES_MAX];   /* where the probe connects */
    struct probe_ask others[CONFIG_PROBES_MAX]; /* the same at the other of `near` and `host` */
    size_t of[CONFIG_PROBES_MAX];               /* the one in `asks` */
};

static bool asks_published(const struct config *config)
{
    return strcmp(config->probe_host, CONFIG_PROBE_PUBLISHED) == 0;
}

/* Whether it connects to one of the ports that players are told, where probes connect. */
static bool is_of_port(const struct config_probe *probe, uint16_t port)
{
    return config_probe_has_port(probe->type) && probe->host == NULL && probe->port == port;
}

static bool is_of_players(const struct config *config, const struct config_probe *probe)
{
    bool is_one = false;
    for (size_t i = 0; !config->server.ports_dynamic && i < config->server.port_count; i++) {
        is_one = is_one || is_of_port(probe, config->server.ports[i]);
    }
    return is_one;
}

static const char *host_of(const struct tried *tried, const struct config_probe *probe)
{
    bool far = asks_published(tried->config) && config_probe_has_port(probe->type);
    return probe->host != NULL ? probe->host : far ? buf_text(&tried->host) : tried->near;
}

static void print_ask(const struct tried *tried, const struct probe_ask *ask)
{
    struct buf line = {0}, advice = {0};
    buf_printf(&line, "probe %s, ", ask->probe->name);
    probe_ask_target(ask, &line);
    buf_printf(&line, ": ");
    probe_ask_result(ask, &line);
    if (ask->outcome != PROBE_PASSED && !tried->config->probes_given) {
        buf_printf(&line, "; if the server runs, check server.ports and probe_host");
    } else {
        probe_ask_advice(ask, &advice);
        buf_printf(&line, "%s%s", advice.size == 0 ? "" : ". ", buf_text(&advice));
    }
    cli_print(stdout, "%s\n", buf_text(&line));
    buf_fini(&line);
    buf_fini(&advice);
}

/* `near` is NULL where it does not answer there either, or is not asked. */
static void print_far(const struct tried *tried, const struct probe_ask *far, const struct probe_ask *near)
{
    struct buf result = {0};
    probe_ask_result(far, &result);
    if (far->outcome == PROBE_PASSED) {
        cli_print(stdout, "port %u on %s, which players are told: answers\n", far->probe->port, far->host);
    } else if (near != NULL) {
        cli_print(
            stdout,
            "port %u on %s, which players are told: warning: %s, though it answers on %s: let the server "
            "listen on that address%s\n",
            far->probe->port, far->host, buf_text(&result), near->host,
            asks_published(tried->config) ? "" : ", or set `probe_host: published` to have it probed there");
    }
    buf_fini(&result);
}

/* A port that players are told is compared: one that answers at probe_host may not do so at the address that is published. Where
 * that one is probed, one that fails is tried on this machine, as it may listen on loopback only. */
static void try_others(struct tried *tried, size_t count)
{
    const struct config *config = tried->config;
    const char *host = buf_text(&tried->host);
    bool far_asked = asks_published(config);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct probe_ask *ask = &tried->asks[i];
        bool compared =
            is_of_players(config, ask->probe) && host[0] != '\0' && strcmp(host, tried->near) != 0;
        bool passed = ask->outcome == PROBE_PASSED;
        if (compared && far_asked && passed) {
            print_far(tried, ask, NULL);
        } else if (compared && far_asked != passed) {
            tried->of[used] = i;
            tried->others[used++] =
                (struct probe_ask){.probe = ask->probe, .host = far_asked ? tried->near : host};
        }
    }
    probe_ask_all(tried->tools, tried->others, used);
    for (size_t i = 0; i < used; i++) {
        const struct probe_ask *other = &tried->others[i], *first = &tried->asks[tried->of[i]];
        if (far_asked) {
            print_far(tried, first, other->outcome == PROBE_PASSED ? other : NULL);
        } else {
            print_far(tried, other, first);
        }
    }
}

static void try_all(struct tried *tried, const struct config_probe *probes, size_t count, bool quiet)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *host = host_of(tried, &probes[i]);
        if (host[0] != '\0') {
            tried->asks[used++] = (struct probe_ask){.probe = &probes[i], .host = host};
        } else if (!quiet) {
            printf("probe %s: not tried: no address is published yet\n", probes[i].name);
        }
    }
    probe_ask_all(tried->tools, tried->asks, used);
    for (size_t i = 0; i < used && !quiet; i++) {
        print_ask(tried, &tried->asks[i]);
    }
    try_others(tried, used);
}

/* A port that no probe covers may be of any protocol: that nothing accepts TCP there says nothing. */
static void add_plain(struct tried *tried)
{
    const struct config *config = tried->config;
    for (size_t i = 0; !config->server.ports_dynamic && i < config->server.port_count; i++) {
        bool covered = false;
        for (size_t j = 0; j < config->probe_count; j++) {
            covered = covered || is_of_port(&config->probes[j], config->server.ports[i]);
        }
        if (!covered) {
            config_probe_default(&tried->plain[tried->plain_count++], config->server.ports[i]);
        }
    }
}

void check_probes(const struct config *config, const struct registry_access *access,
                  const struct probe_tools *tools)
{
    if (!config->server.present) {
        return;
    }
    struct tried *tried = mem_zalloc(sizeof(*tried));
    tried->config = config;
    tried->tools = tools;
    tried->near = asks_published(config) ? "localhost" : config->probe_host;
    check_find_host(config, access, &tried->host);
    add_plain(tried);
    try_all(tried, config->probes, config->probe_count, false);
    try_all(tried, tried->plain, tried->plain_count, true);
    for (size_t i = 0; i < tried->plain_count; i++) {
        config_probe_fini(&tried->plain[i]);
    }
    buf_fini(&tried->host);
    free(tried);
}
