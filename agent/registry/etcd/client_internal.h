/* One question of registry/etcd_client: its words, where they go, and what is made of the answer. It travels
 * as a call of etcd.c, as every request does. */
#ifndef OUTRIDER_REGISTRY_ETCD_CLIENT_INTERNAL_H
#define OUTRIDER_REGISTRY_ETCD_CLIENT_INTERNAL_H

#include "outrider/codec/etcd/etcd_kv.h"
#include "outrider/codec/etcd/etcd_message.h"
#include "outrider/registry/etcd/etcd_client.h"

struct etcd_asked {
    struct etcd_ask ask; /* of which only what the decoder looks at is still there */
    const char *name;
    struct buf body, url;
    struct etcd_answer answer;
    etcd_client_fn *fn;
    void *user;
};

/* The question with its body; the caller owns it. */
struct etcd_asked *etcd_asked_new(const struct etcd_ask *ask, etcd_client_fn *fn, void *user);

/* Accepts NULL. */
void etcd_asked_free(struct etcd_asked *asked);

/* Where it is posted on the endpoint of that name; borrowed until the next call. */
const char *etcd_asked_url(struct etcd_asked *asked, const char *endpoint);

/* Hands the answer to whoever asked; `reply` as the backend would say it. */
void etcd_asked_tell(struct etcd_asked *asked, const struct registry_reply *reply);

#endif
