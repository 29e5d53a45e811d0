/* The backend: endpoints, the token, and which store it is. */
#include "outrider/registry/consul/consul_registry.h"

#include "catalog_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"
#include "outrider/os/secret.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the token ---- */

static void forget_token(struct consul *consul)
{
    if (consul->headers[0] != NULL) {
        mem_wipe(consul->headers[0], strlen(consul->headers[0]));
    }
    free(consul->headers[0]);
    consul->headers[0] = NULL;
}

bool consul_token(struct consul *consul, bool again, struct buf *ret_why)
{
    struct error err;
    struct buf token = {0};
    if (consul->token_file == NULL) {
        return !again;
    }
    if (again ? consul->token_stamp == file_stamp(consul->token_file) : consul->headers[0] != NULL) {
        return !again;
    }
    consul->token_stamp = file_stamp(consul->token_file);
    if (secret_read(consul->token_file, SECRET_TOKEN_MAX, &err, &token) < 0) {
        buf_printf(ret_why, "registry.consul.token_file: %s", err.text);
        return false;
    }
    forget_token(consul);
    struct buf header = {0};
    (void)buf_extend(&header, token.size + 32);
    buf_clear(&header);
    buf_printf(&header, "X-Consul-Token: %.*s", STR_ARG(buf_view(&token)));
    consul->headers[0] = header.data;
    secret_fini(&token);
    return true;
}

/* ---- which store it is ---- */

static uint64_t cluster_of(struct str value)
{
    struct registry_lease id;
    bool is_number = value.size <= 16 && registry_lease_parse(value, &id) == 0;
    uint64_t cluster = is_number ? id.lo : str_hash(value, 0);
    return cluster != 0 ? cluster : 1;
}

void consul_identify(struct consul *consul, size_t endpoint, const struct consul_kv *kv)
{
    uint64_t cluster = cluster_of(kv->value);
    if (consul->cluster != 0 && consul->cluster != cluster) {
        consul->seen = 0;
    }
    consul->cluster = cluster;
    consul->id_index = kv->mod;
    consul_see(consul, kv->mod);
    endpoints_answered(&consul->endpoints, endpoint, cluster);
}

void consul_forget(struct consul *consul)
{
    consul->id_index = 0;
}

struct consul_op consul_id_check(const struct consul *consul)
{
    return (struct consul_op){.verb = CONSUL_CHECK_INDEX, .key = CONSUL_ID, .index = consul->id_index};
}

void consul_path(struct buf *out, struct str key, const char *query)
{
    buf_clear(out);
    consul_path_encode(key, out);
    buf_str(out, str_of(query));
}

/* ---- endpoints ---- */

/* It takes a leader, and no right: that it is denied is an answer. */
static void ask_for_leader(void *user, size_t index, struct http_call *ret_call)
{
    struct consul *consul = user;
    buf_clear(&consul->url);
    buf_printf(&consul->url, "%s/v1/kv/outrider/id", consul->endpoints.list[index].name);
    *ret_call = (struct http_call){.method = HTTP_GET,
                                   .url = buf_text(&consul->url),
                                   .headers = (const char *const *)consul->headers,
                                   .max_response = CONSUL_ANSWER_MAX};
}

static bool has_leader(void *user, const struct http_result *result, uint64_t *ret_cluster,
                       char ret_why[static ENDPOINT_ERROR_MAX])
{
    struct consul_status status;
    struct consul_kvs kvs = {0};
    (void)user;
    consul_status_of(result->status, result->body, false, &status);
    brief_copy(ret_why, ENDPOINT_ERROR_MAX, str_of(status.text));
    if (result->status == 200 && consul_kvs_decode(result->body, &kvs) == 0 && kvs.count == 1) {
        *ret_cluster = cluster_of(kvs.list[0].value);
    }
    consul_kvs_fini(&kvs);
    return !status.elsewhere;
}

static bool consul_endpoint(const struct registry *registry, size_t index,
                            struct registry_endpoint *ret_endpoint)
{
    return endpoints_describe(&((const struct consul *)registry)->endpoints, index, ret_endpoint);
}

static enum registry_login consul_login(const struct registry *registry)
{
    const struct consul *consul = (const struct consul *)registry;
    return consul->token_file == NULL   ? REGISTRY_LOGIN_NONE
           : consul->headers[0] == NULL ? REGISTRY_LOGIN_NEEDED
                                        : REGISTRY_LOGIN_DONE;
}

/* ---- the backend ---- */

static void consul_free(struct registry *registry)
{
    struct consul *consul = (struct consul *)registry;
    consul_calls_fini(consul);
    consul_watches_fini(consul);
    consul_catalog_free(consul->catalog);
    recheck_fini(&consul->recheck);
    endpoints_fini(&consul->endpoints);
    forget_token(consul);
    free(consul->session_name);
    free(consul->node);
    free(consul->token_file);
    buf_fini(&consul->url);
    registry_fini(registry);
    free(consul);
}

void consul_registry_set_ttl_min(struct registry *registry, int64_t ms)
{
    ((struct consul *)registry)->limits.ttl_min_ms = ms;
}

struct registry *consul_registry_new(const struct config_registry *config, struct loop *loop,
                                     struct http_client *http, const char *agent, uint64_t seed)
{
    static const struct registry_backend backend = {.name = "consul",
                                                    .submit = consul_submit,
                                                    .watch = consul_watch_open,
                                                    .unwatch = consul_watch_close,
                                                    .endpoint = consul_endpoint,
                                                    .login = consul_login,
                                                    .free = consul_free};
    static const struct recheck_question question = {.ask = ask_for_leader, .is_healthy = has_leader};
    struct consul *consul = mem_zalloc(sizeof(*consul));
    struct buf name = {0};
    registry_init(&consul->registry, &backend);
    consul->registry.can = REGISTRY_CAN_KEEP | REGISTRY_CAN_END_LEASES | REGISTRY_CAN_ISOLATE;
    consul->registry.limits = &consul->limits;
    /* The servers may allow less than their default of 10 s (session_ttl_min); the first refusal names their limit. */
    consul->limits = (struct registry_limits){.ttl_min_ms = 2000,
                                              .ttl_max_ms = 86400000,
                                              .ends_factor = 2,
                                              .ends_more_ms = 1000,
                                              .key_max = 512,
                                              .value_max = 380 * 1024};
    consul->loop = loop;
    consul->http = http;
    random_seed(&consul->random, seed);
    buf_printf(&name, "outrider%s%s", agent == NULL ? "" : " ", agent == NULL ? "" : agent);
    consul->session_name = name.data;
    consul->node = mem_strdup(config->consul.node == NULL ? "outrider" : config->consul.node);
    consul->token_file = config->consul.token_file == NULL ? NULL : mem_strdup(config->consul.token_file);
    endpoints_init(&consul->endpoints, config, agent);
    recheck_init(&consul->recheck, &consul->endpoints, loop, http, config_request_timeout(config), &question,
                 consul);
    consul->catalog = consul_catalog_new(consul, config);
    return &consul->registry;
}
