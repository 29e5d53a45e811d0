#include "client_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

struct etcd_asked *etcd_asked_new(const struct etcd_ask *ask, etcd_client_fn *fn, void *user)
{
    struct etcd_asked *asked = mem_zalloc(sizeof(*asked));
    asked->ask = (struct etcd_ask){.kind = ask->kind, .op.kind = ask->op.kind, .lease = ask->lease};
    /* Whether a transaction only reads was to be seen from its operations; the stand-in says it with none. */
    static const struct etcd_op write = {.kind = ETCD_PUT};
    if (ask->kind == ETCD_ASK_TXN && etcd_ask_like(ask) != REGISTRY_GET) {
        asked->ask.txn = (struct etcd_txn){.then = &write, .then_count = 1};
    }
    asked->name = etcd_ask_name(ask);
    asked->fn = fn;
    asked->user = user;
    etcd_ask_encode(ask, &asked->body);
    return asked;
}

void etcd_asked_free(struct etcd_asked *asked)
{
    if (asked != NULL) {
        buf_fini(&asked->body);
        buf_fini(&asked->url);
        etcd_answer_fini(&asked->answer);
        free(asked);
    }
}

const char *etcd_asked_url(struct etcd_asked *asked, const char *endpoint)
{
    buf_clear(&asked->url);
    buf_printf(&asked->url, "%s%s", endpoint, etcd_ask_path(&asked->ask));
    return buf_text(&asked->url);
}

void etcd_asked_tell(struct etcd_asked *asked, const struct registry_reply *reply)
{
    struct etcd_client_reply told = {.failure = reply->failure,
                                     .error = reply->error,
                                     .endpoint = reply->endpoint,
                                     .revision = reply->revision,
                                     .cluster = reply->cluster,
                                     .revision_gone = reply->revision_gone,
                                     .answer = &asked->answer};
    asked->fn(&told, asked->user);
}
