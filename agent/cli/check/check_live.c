#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/ulid.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/file.h"
#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct live {
    const struct config *config;
    struct registry_access access;
    struct registry *registry; /* under test */
    struct registry_client *client;
    bool answered;
    bool failing; /* the endpoint that was asked alone */
    enum registry_failure failure;
    enum registry_login login;
    uint64_t cluster;
    int64_t count; /* of the keys below a prefix */
    int64_t took_us;
    struct buf error;
    struct buf note; /* a problem of the registry's own configuration; the last one told */
    struct registry_lease lease;
    struct buf record_key, control_key; /* the agent's own two */
    bool id_is_random;
    int status;
};

/* ---- asking ---- */

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct live *live = user;
    live->answered = true;
    live->failure = reply->failure;
    live->cluster = reply->cluster;
    live->count = reply->count;
    live->lease = reply->lease;
    if (reply->note.size > 0) {
        buf_clear(&live->note);
        buf_str(&live->note, reply->note);
    }
    buf_clear(&live->error);
    buf_str(&live->error, reply->error);
}

static void open_registry(struct live *live, const struct config_registry *config)
{
    live->registry = registry_access_new(&live->access, config);
    live->client = registry_attach(live->registry, on_reply, NULL, live);
}

static void ask(struct live *live, struct registry_request request)
{
    request.id = 1;
    request.timeout_ms = live->config->registry.request_timeout_ms;
    live->answered = false;
    int64_t start = clock_mono_us();
    registry_submit(live->client, &request);
    while (!live->answered) {
        loop_turn_once(live->access.loop, true);
    }
    live->took_us = clock_mono_us() - start;
    live->login = registry_login(live->registry);
}

static void fail(struct live *live, int status)
{
    live->status = live->status == EX_DONE ? status : live->status;
}

/* A registry's error begins with the request, which the printed line already names. */
static const char *without(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : text;
}

/* ---- endpoints and login ---- */

static struct registry_request read_of(const struct buf *key)
{
    return (struct registry_request){.op = REGISTRY_GET, .key = buf_view(key)};
}

/* Whether every further request would be denied for the same reason, because there is no token: one fault, one line. The
 * endpoint itself works. */
static bool login_failed(const struct live *live)
{
    const char *error = buf_text(&live->error);
    return live->failure == REGISTRY_DENIED &&
           (live->login == REGISTRY_LOGIN_NEEDED || strstr(error, "user name is empty") != NULL ||
            strstr(error, "has a CommonName") != NULL);
}

static bool endpoint_answers(const struct live *live)
{
    return live->failure != REGISTRY_RETRY && live->failure != REGISTRY_UNKNOWN;
}

static void ask_endpoint(struct live *live, size_t index)
{
    struct config_registry one = live->config->registry;
    one.endpoints[0] = one.endpoints[index];
    one.endpoint_count = 1;
    struct registry_endpoint endpoint;
    open_registry(live, &one);
    ask(live, read_of(&live->record_key));
    live->failing = !endpoint_answers(live) ||
                    (registry_endpoint(live->registry, 0, &endpoint) && endpoint.last_error[0] != '\0');
    registry_free(live->registry);
}

static void print_endpoint(struct live *live, const char *name)
{
    if (live->failing) {
        char asked[256], login[512];
        const char *username = live->config->registry.username;
        snprintf(asked, sizeof(asked), "get on %s: ", name);
        snprintf(login, sizeof(login), "get: log in as `%s` on %s: ", username == NULL ? "" : username, name);
        const char *error = without(without(buf_text(&live->error), asked), login);
        cli_print(stdout, "%s: FAILED: %s%s\n", name, error, registry_access_remedy(error));
        return;
    }
    printf("%s: answers in %" PRId64 " ms", name, (live->took_us + 999) / 1000);
    if (live->cluster != 0) {
        printf(", cluster %" PRIx64, live->cluster);
    }
    printf("\n");
}

/* Returns the number of endpoints that answer. */
static size_t check_endpoints(struct live *live)
{
    const struct config_registry *registry = &live->config->registry;
    size_t answering = 0, first = 0;
    uint64_t cluster = 0;
    for (size_t i = 0; i < registry->endpoint_count; i++) {
        ask_endpoint(live, i);
        print_endpoint(live, registry->endpoints[i]);
        answering += live->failing ? 0 : 1;
        if (cluster == 0 && live->cluster != 0) {
            cluster = live->cluster;
            first = i;
        } else if (live->cluster != 0 && live->cluster != cluster) {
            printf("%s: FAILED: belongs to another cluster than %s: registry.endpoints must name members of "
                   "one cluster\n",
                   registry->endpoints[i], registry->endpoints[first]);
            fail(live, EX_FAILED);
        }
    }
    return answering;
}

/* Through all endpoints. Returns false when further tests make no sense. */
static bool check_login(struct live *live)
{
    const char *username = live->config->registry.username;
    ask(live, read_of(&live->record_key));
    if (!endpoint_answers(live)) {
        cli_print(stdout, "registry: FAILED: %s\n", buf_text(&live->error));
        fail(live, EX_TEMPFAIL);
        return false;
    }
    if (login_failed(live)) {
        cli_print(stdout, "log in: FAILED: %s\n", without(buf_text(&live->error), "get: "));
        fail(live, EX_FAILED);
        return false;
    }
    if (username == NULL) {
        return true;
    }
    cli_print(stdout, "log in as `%s`: %s\n", username,
              live->login == REGISTRY_LOGIN_OFF ? "not needed, the registry has logins off" : "ok");
    return true;
}

/* ---- permissions ---- */

static void check(struct live *live, const char *what, struct str key, struct registry_request request)
{
    ask(live, request);
    if (live->failure == REGISTRY_OK) {
        bool is_empty = request.op == REGISTRY_LIST && live->count == 0; /* as below a wrong prefix */
        printf("%s %.*s: ok%s\n", what, STR_ARG(key), is_empty ? ", no keys there" : "");
        return;
    }
    const char *error = buf_text(&live->error);
    cli_print(stdout, "%s %.*s: FAILED: %s%s\n", what, STR_ARG(key), error, registry_access_remedy(error));
    fail(live, endpoint_answers(live) ? EX_FAILED : EX_TEMPFAIL);
}

static void check_list(struct live *live, const char *prefix)
{
    struct buf from = {0}, to = {0};
    buf_printf(&from, "%s/", prefix);
    buf_printf(&to, "%s0", prefix); /* the byte after '/' */
    check(live, "read all below", buf_view(&from),
          (struct registry_request){
              .op = REGISTRY_LIST, .key = buf_view(&from), .range_end = buf_view(&to), .limit = 1});
    buf_fini(&from);
    buf_fini(&to);
}

/* Not an error: nothing else needs it, and the roles of sidecars and observers do not have it. */
static void check_drain(struct live *live)
{
    const struct config *config = live->config;
    char id[ULID_LENGTH + 1];
    uint8_t entropy[10];
    struct buf key = {0}, whose = {0};
    entropy_fill(entropy, sizeof(entropy));
    ulid_format(clock_wall_ms(), entropy, id);
    buf_printf(&key, "%s/control/%s/%s", config->registry.control_prefix,
               config->server.present ? config->server.type : "outrider", id);
    if (config->server.present) {
        buf_printf(&whose, "other servers of type %s", config->server.type);
    } else {
        buf_str(&whose, STR("servers of the fleet"));
    }
    ask(live, (struct registry_request){.op = REGISTRY_PROVE, .key = buf_view(&key)});
    if (live->failure == REGISTRY_OK) {
        printf("drain %s (--id): ok\n", buf_text(&whose));
    } else if (live->failure == REGISTRY_DENIED) {
        printf("drain %s (--id): not allowed; to drain them through this agent, its user needs the role "
               "`operator` of docs/etcd-roles\n",
               buf_text(&whose));
    } else {
        cli_print(stdout, "drain %s (--id): FAILED: %s\n", buf_text(&whose), buf_text(&live->error));
        fail(live, endpoint_answers(live) ? EX_FAILED : EX_TEMPFAIL);
    }
    buf_fini(&whose);
    buf_fini(&key);
}

/* Not an error either: only `claim=`, or join and allocate, need it, and roles of before may lack it. */
static void check_seats(struct live *live)
{
    bool claims = live->config->server.present;
    const char *what = claims ? "claim reservations" : "reserve seats (join, allocate)";
    const struct config *config = live->config;
    struct buf seats = {0}, id = {0};
    size_t skip = strlen(config->registry.control_prefix) + strlen("/control");
    buf_printf(&seats, "%s/seats%s", config->registry.control_prefix, buf_text(&live->control_key) + skip);
    buf_printf(&id, "%s/seat-ids/%s/outrider-check", config->registry.control_prefix,
               claims ? config->server.type : "outrider");
    const struct buf *const keys[] = {&seats, &id};
    size_t good = 0;
    while (good < COUNT_OF(keys)) {
        ask(live, (struct registry_request){.op = REGISTRY_PROVE, .key = buf_view(keys[good])});
        if (live->failure != REGISTRY_OK) {
            break;
        }
        good++;
    }
    if (good == COUNT_OF(keys)) {
        printf("%s%s%s: ok\n", what, claims ? " " : "", claims ? buf_text(&seats) : "");
    } else if (live->failure == REGISTRY_DENIED && claims) {
        printf("%s: %s may not be written; for `claim=` on the status socket, run docs/etcd-roles again\n",
               what, buf_text(keys[good]));
    } else if (live->failure == REGISTRY_DENIED) {
        printf("%s: not allowed; its user needs the role `observer` of docs/etcd-roles; one of an earlier "
               "version gets it by running that again\n",
               what);
    } else {
        cli_print(stdout, "%s: FAILED: %s\n", what, buf_text(&live->error));
        fail(live, endpoint_answers(live) ? EX_FAILED : EX_TEMPFAIL);
    }
    buf_fini(&seats);
    buf_fini(&id);
}

/* Not an error either: the file has the audit. */
static void check_audit(struct live *live)
{
    const struct config *config = live->config;
    struct buf key = {0};
    buf_printf(&key, "%s/audit/outrider-check", config->registry.control_prefix);
    if (config_has_audit(config) && config->audit.registry) {
        ask(live, (struct registry_request){.op = REGISTRY_PROVE, .key = buf_view(&key)});
        if (live->failure == REGISTRY_OK) {
            printf("copy the audit for other observers: ok\n");
        } else if (live->failure == REGISTRY_DENIED) {
            printf("copy the audit for other observers: not allowed; its user needs the role `observer` of "
                   "docs/etcd-roles; one of an earlier version gets it by running that again\n");
        } else {
            cli_print(stdout, "copy the audit for other observers: FAILED: %s\n", buf_text(&live->error));
            fail(live, endpoint_answers(live) ? EX_FAILED : EX_TEMPFAIL);
        }
    }
    buf_fini(&key);
}

/* What a candidate writes. Its key is named by its lease, so that any below the scope will do. */
static void check_leader(struct live *live)
{
    const struct config *config = live->config;
    for (size_t i = 0; i < config->candidacy_count; i++) {
        struct buf key = {0};
        buf_printf(&key, "%s/leader/%s/outrider-check", config->registry.control_prefix,
                   config_scope(config, &config->candidacies[i]));
        check(live, "stand for leadership, write", buf_view(&key),
              (struct registry_request){.op = REGISTRY_PROVE, .key = buf_view(&key)});
        buf_fini(&key);
    }
}

/* Consul makes a session only on a node that the operator has registered. It is ended at once; nothing else tells. */
static void check_lease(struct live *live)
{
    const struct config_registry *registry = &live->config->registry;
    if (registry->backend != CONFIG_BACKEND_CONSUL || !live->config->server.present) {
        return;
    }
    check(live, "make a lease on node", str_of(registry->consul.node),
          (struct registry_request){.op = REGISTRY_GRANT, .ttl_ms = registry->ttl_ms});
    if (live->failure == REGISTRY_OK) {
        ask(live, (struct registry_request){.op = REGISTRY_REVOKE, .lease = live->lease});
    }
}

static void check_permissions(struct live *live)
{
    const struct buf *const own[] = {&live->record_key, &live->control_key};
    if (live->config->server.present && live->id_is_random) {
        printf("server.id is auto and no id is stored yet: a random id is used below\n");
    }
    for (size_t i = 0; live->config->server.present && i < COUNT_OF(own); i++) {
        struct str key = buf_view(own[i]);
        check(live, "read", key, read_of(own[i]));
        check(live, "write", key, (struct registry_request){.op = REGISTRY_PROVE, .key = key});
    }
    check_list(live, live->config->registry.prefix);
    check_list(live, live->config->registry.control_prefix);
    check_lease(live);
    check_drain(live);
    check_seats(live);
    check_audit(live);
    check_leader(live);
}

/* ---- keys ---- */

/* The id stored in state_dir, under the conditions of the agent. */
static bool stored_id(const char *state_dir, char ret_id[static ULID_LENGTH + 1])
{
    struct buf path = {0}, bytes = {0};
    struct saved_state state = {0};
    struct error err;
    buf_printf(&path, "%s/state.json", state_dir);
    bool found = file_read(buf_text(&path), STATE_FILE_MAX, &err, &bytes) == 0 &&
                 state_file_decode(buf_view(&bytes), &state, &err) == 0 && state.id != NULL &&
                 ulid_valid(str_of(state.id));
    if (found) {
        memcpy(ret_id, state.id, ULID_LENGTH + 1);
    }
    saved_state_fini(&state);
    buf_fini(&bytes);
    buf_fini(&path);
    return found;
}

bool check_keys(const struct config *config, struct buf *ret_record, struct buf *ret_control)
{
    char id[ULID_LENGTH + 1] = "";
    const char *name = config->server.id, *type = config->server.type;
    bool is_random = false;
    if (name == NULL || strcmp(name, "auto") == 0) {
        name = id;
        if (config->state_dir == NULL || !stored_id(config->state_dir, id)) {
            uint8_t entropy[10];
            entropy_fill(entropy, sizeof(entropy));
            ulid_format(clock_wall_ms(), entropy, id);
            is_random = true;
        }
    }
    type = type == NULL ? "outrider" : type;
    buf_printf(ret_record, "%s/%s/%s", config->registry.prefix, type, name);
    buf_printf(ret_control, "%s/control/%s/%s", config->registry.control_prefix, type, name);
    return is_random;
}

/* ---- the command ---- */

int check_live(const char *file, const struct config *config)
{
    struct live live = {.config = config};
    struct probe_tools tools;
    struct error err;
    if (probe_tools_prepare(&tools, file, config, &err) < 0) {
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    live.status = registry_access_open(&live.access, &config->registry);
    if (live.status != EX_DONE) {
        probe_tools_close(&tools);
        return live.status;
    }
    live.id_is_random = check_keys(config, &live.record_key, &live.control_key);
    if (check_endpoints(&live) == 0) {
        fail(&live, EX_TEMPFAIL);
    } else {
        open_registry(&live, &config->registry);
        if (check_login(&live)) {
            check_permissions(&live);
        }
        if (live.note.size > 0) {
            cli_print(stdout, "warning: %s\n", buf_text(&live.note));
        }
        registry_free(live.registry);
    }
    int sessions = check_sessions(config, &live.access);
    if (sessions != EX_DONE) {
        fail(&live, sessions);
    }
    probe_tools_open(&tools, live.access.loop, live.access.resolver);
    check_probes(config, &live.access, &tools);
    probe_tools_close(&tools);
    registry_access_close(&live.access);
    buf_fini(&live.error);
    buf_fini(&live.note);
    buf_fini(&live.record_key);
    buf_fini(&live.control_key);
    return live.status;
}
