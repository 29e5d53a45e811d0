#include "model_etcd.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { TTL_MIN_S = 2 };

void etcd_init(struct etcd *etcd, unsigned keys)
{
    *etcd = (struct etcd){.revision = 1, .cluster = 1, .key_count = keys};
    etcd->keys = mem_zalloc(keys * sizeof(etcd->keys[0]));
}

static struct model_lease **bucket(const struct etcd *etcd, int64_t id)
{
    struct model_lease *const *found = &etcd->buckets[((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
    return (struct model_lease **)(uintptr_t)found;
}

struct model_lease *etcd_lease(const struct etcd *etcd, int64_t id)
{
    struct model_lease *lease = *bucket(etcd, id);
    while (lease != NULL && lease->id != id) {
        lease = lease->next;
    }
    return lease;
}

struct model_lease *etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_ms, int64_t now)
{
    struct model_lease *lease = etcd->free;
    if (lease != NULL) {
        etcd->free = lease->next;
    } else {
        lease = mem_zalloc(sizeof(*lease));
    }
    int64_t seconds = (ttl_ms + 999) / 1000;
    int64_t granted = (seconds < TTL_MIN_S ? TTL_MIN_S : seconds) * 1000;
    struct model_lease **at = bucket(etcd, id);
    *lease = (struct model_lease){
        .next = *at, .id = id, .ttl_ms = granted, .ends = now + granted, .owner = NO_NODE};
    *at = lease;
    return lease;
}

static void set(struct etcd *etcd, struct key *key, struct blob *value, int64_t lease)
{
    blob_unref(key->value);
    if (key->value == NULL) {
        key->create_revision = etcd->revision;
    }
    key->value = value;
    key->mod_revision = value == NULL ? 0 : etcd->revision;
    key->create_revision = value == NULL ? 0 : key->create_revision;
    key->lease = value == NULL ? 0 : lease;
    if (etcd->on_change != NULL) {
        etcd->on_change(etcd->user, (unsigned)(key - etcd->keys));
    }
}

static bool has_keys(const struct etcd *etcd, int64_t lease)
{
    for (unsigned i = 0; i < etcd->key_count; i++) {
        if (etcd->keys[i].value != NULL && etcd->keys[i].lease == lease) {
            return true;
        }
    }
    return false;
}

void etcd_end_lease(struct etcd *etcd, struct model_lease *lease)
{
    etcd->revision += has_keys(etcd, lease->id) ? 1 : 0;
    for (unsigned i = 0; i < etcd->key_count; i++) {
        if (etcd->keys[i].value != NULL && etcd->keys[i].lease == lease->id) {
            set(etcd, &etcd->keys[i], NULL, 0);
        }
    }
    struct model_lease **at = bucket(etcd, lease->id);
    while (*at != lease) {
        at = &(*at)->next;
    }
    *at = lease->next;
    lease->next = etcd->free;
    etcd->free = lease;
}

void etcd_put(struct etcd *etcd, unsigned key, struct blob *value, int64_t lease)
{
    etcd->revision++;
    set(etcd, &etcd->keys[key], blob_ref(value), lease);
}

void etcd_delete(struct etcd *etcd, unsigned key)
{
    if (etcd->keys[key].value != NULL) {
        etcd->revision++;
        set(etcd, &etcd->keys[key], NULL, 0);
    }
}

static void read_key(const struct key *key, struct registry_kv *kv)
{
    *kv = (struct registry_kv){.found = key->value != NULL,
                               .value = blob_view(key->value),
                               .mod_revision = key->mod_revision,
                               .create_revision = key->create_revision,
                               .lease = lease_of(key->lease)};
}

/* The comparison comes first: etcd looks at the lease only when it is about to write. */
static void write_key(struct etcd *etcd, const struct registry_request *request, unsigned key,
                      struct registry_reply *reply)
{
    struct key *at = &etcd->keys[key];
    int64_t request_lease = lease_number(request->lease);
    reply->succeeded = at->mod_revision == request->expect_revision;
    if (!reply->succeeded) {
        read_key(at, &reply->kv);
    } else if (request->op == REGISTRY_DELETE) {
        etcd_delete(etcd, key);
    } else if (request_lease != 0 && etcd_lease(etcd, request_lease) == NULL) {
        reply->succeeded = false;
        reply->failure = REGISTRY_LEASE_LOST;
    } else {
        etcd_put(etcd, key, request->value, request_lease);
        at->by_hand = false;
    }
}

void etcd_apply(struct etcd *etcd, const struct registry_request *request, unsigned key, int64_t now,
                struct registry_reply *ret_reply)
{
    struct registry_reply reply = {.id = request->id, .op = request->op, .cluster = etcd->cluster};
    struct model_lease *lease = etcd_lease(etcd, lease_number(request->lease));
    bool over = lease == NULL || lease->ends <= now;
    switch (request->op) {
    case REGISTRY_GRANT:
        if (lease != NULL) {
            reply.failure = REGISTRY_LEASE_EXISTS;
        } else {
            reply.lease = request->lease;
            reply.ttl_ms = etcd_grant(etcd, lease_number(request->lease), request->ttl_ms, now)->ttl_ms;
        }
        break;
    case REGISTRY_KEEPALIVE:
        if (over) {
            reply.failure = REGISTRY_LEASE_LOST;
        } else {
            lease->ends = now + lease->ttl_ms;
            reply.ttl_ms = lease->ttl_ms;
        }
        break;
    case REGISTRY_REVOKE:
        if (lease == NULL) {
            reply.failure = REGISTRY_LEASE_LOST;
        } else {
            etcd_end_lease(etcd, lease);
        }
        break;
    case REGISTRY_LEASE_TTL:
        reply.ttl_known = true;
        reply.ttl_ms = lease == NULL ? -1 : over ? 0 : (lease->ends - now) / 1000 * 1000;
        break;
    case REGISTRY_GET: read_key(&etcd->keys[key], &reply.kv); break;
    case REGISTRY_PUT:
    case REGISTRY_DELETE: write_key(etcd, request, key, &reply); break;
    case REGISTRY_COMPARE: /* of a record and its control key, which is behind all records */
        reply.succeeded = etcd->keys[key].mod_revision == request->expect_revision &&
                          (request->range_end.size == 0 ||
                           etcd->keys[key + etcd->key_count / 2].mod_revision == request->at_revision);
        break;
    case REGISTRY_LIST:  /* no agent lists */
    case REGISTRY_PROVE: /* nor asks what it may */
    case REGISTRY_TXN:   /* nor needs several keys at once */
    case REGISTRY_OP_COUNT: break;
    }
    reply.revision = etcd->revision;
    *ret_reply = reply;
}

void etcd_refresh(struct etcd *etcd, int64_t now)
{
    for (unsigned i = 0; i < LEASE_BUCKETS; i++) {
        for (struct model_lease *lease = etcd->buckets[i]; lease != NULL; lease = lease->next) {
            lease->ends = now + lease->ttl_ms;
        }
    }
}

void etcd_wipe(struct etcd *etcd)
{
    for (unsigned i = 0; i < LEASE_BUCKETS; i++) {
        while (etcd->buckets[i] != NULL) {
            etcd_end_lease(etcd, etcd->buckets[i]);
        }
    }
    for (unsigned i = 0; i < etcd->key_count; i++) {
        etcd_delete(etcd, i);
    }
    etcd->revision = 1;
    etcd->cluster++;
}

void etcd_fini(struct etcd *etcd)
{
    etcd_wipe(etcd);
    while (etcd->free != NULL) {
        struct model_lease *lease = etcd->free;
        etcd->free = lease->next;
        free(lease);
    }
    free(etcd->keys);
}
