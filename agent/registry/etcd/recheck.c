/* What etcd is asked whether it is back: what `etcdctl endpoint health` asks, a linearizable read, which takes a leader. That
 * it is denied is an answer. */
#include "etcd_internal.h"
#include "outrider/base/brief.h"
#include "outrider/io/http/client/http_client.h"

static const struct etcd_request question = {
    .kind = ETCD_REQUEST_OP, .op = {.kind = ETCD_GET, .key = {"health", 6}, .keys_only = true}};

static void ask(void *user, size_t index, struct http_call *ret_call)
{
    struct etcd *etcd = user;
    buf_clear(&etcd->body);
    etcd_request_encode(&question, &etcd->body);
    etcd_headers(etcd, etcd->recheck.timeout_ms, etcd->recheck_headers);
    *ret_call = (struct http_call){
        .url = etcd_url(etcd, index, etcd_request_path(&question)),
        .headers = etcd->recheck_headers,
        .body = buf_view(&etcd->body),
        .max_response = ETCD_RESPONSE_MAX,
    };
}

static bool is_healthy(void *user, const struct http_result *result, uint64_t *ret_cluster,
                       char ret_why[static ENDPOINT_ERROR_MAX])
{
    struct etcd_response response = {0};
    (void)user;
    etcd_response_decode(&question, REGISTRY_GET, result->status, result->body, &response);
    bool healthy = !response.status.elsewhere;
    brief_copy(ret_why, ENDPOINT_ERROR_MAX, str_of(response.status.text));
    *ret_cluster = response.status.cluster;
    etcd_response_fini(&response);
    return healthy;
}

void etcd_recheck_init(struct etcd *etcd, const struct config_registry *config)
{
    static const struct recheck_question questions = {.ask = ask, .is_healthy = is_healthy};
    recheck_init(&etcd->recheck, &etcd->endpoints, etcd->loop, etcd->http, config_request_timeout(config),
                 &questions, etcd);
}

void etcd_endpoint_failed(struct etcd *etcd, size_t index, const char *why)
{
    recheck_failed(&etcd->recheck, index, why);
}
