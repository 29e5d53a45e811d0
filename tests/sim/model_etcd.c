#include "model_etcd.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* What is undone never comes back under a revision that was used. */
enum { EPOCH_STEP = 1000000 };

void etcd_init(struct etcd *etcd, const struct memory_kind *kind, unsigned keys)
{
    *etcd = (struct etcd){.kind = kind, .revision = 1, .cluster = 1, .key_count = keys};
    etcd->epoch = etcd_can(etcd, REGISTRY_CAN_KEEP) ? 0 : 1;
    etcd->keys = mem_zalloc(keys * sizeof(etcd->keys[0]));
}

bool etcd_can(const struct etcd *etcd, enum registry_capability capability)
{
    return (etcd->kind->can & (uint32_t)capability) != 0;
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

static int64_t ends(const struct etcd *etcd, int64_t ttl_ms, int64_t now)
{
    return now + etcd->kind->limits.ends_factor * ttl_ms;
}

struct model_lease *etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_ms, int64_t now)
{
    struct model_lease *lease = etcd->free;
    if (lease != NULL) {
        etcd->free = lease->next;
    } else {
        lease = mem_zalloc(sizeof(*lease));
    }
    int64_t seconds = (ttl_ms + 999) / 1000, least = etcd->kind->limits.ttl_min_ms;
    int64_t granted = seconds * 1000 < least ? least : seconds * 1000;
    struct model_lease **at = bucket(etcd, id);
    *lease = (struct model_lease){
        .next = *at, .id = id, .ttl_ms = granted, .ends = ends(etcd, granted, now), .owner = NO_NODE};
    *at = lease;
    return lease;
}

static void remember(struct etcd *etcd, const struct key *key)
{
    if (etcd_can(etcd, REGISTRY_CAN_KEEP)) {
        return;
    }
    if (etcd->undo_count == UNDO_MAX) {
        blob_unref(etcd->undo[--etcd->undo_count].before.value);
    }
    memmove(etcd->undo + 1, etcd->undo, etcd->undo_count * sizeof(etcd->undo[0]));
    etcd->undo[0] =
        (struct model_undo){.key = (unsigned)(key - etcd->keys), .revision = etcd->revision, .before = *key};
    (void)blob_ref(key->value);
    etcd->undo_count++;
}

static void forget(struct etcd *etcd)
{
    while (etcd->undo_count > 0) {
        blob_unref(etcd->undo[--etcd->undo_count].before.value);
    }
}

static void set(struct etcd *etcd, struct key *key, struct blob *value, int64_t lease)
{
    remember(etcd, key);
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
        bool same = at->value != NULL && at->lease == request_lease && blob_eq(at->value, request->value);
        if (!same || etcd_can(etcd, REGISTRY_CAN_REVISE_SAME)) {
            etcd_put(etcd, key, request->value, request_lease);
        }
        reply->revision = at->mod_revision;
        at->by_hand = false;
    }
}

void etcd_apply(struct etcd *etcd, const struct registry_request *request, unsigned key, int64_t now,
                struct registry_reply *ret_reply)
{
    struct registry_reply reply = {
        .id = request->id, .op = request->op, .cluster = etcd->cluster, .epoch = etcd->epoch};
    struct model_lease *lease = etcd_lease(etcd, lease_number(request->lease));
    bool over = lease == NULL || lease->ends <= now;
    switch (request->op) {
    case REGISTRY_GRANT:
        if (lease != NULL) {
            reply.failure = REGISTRY_LEASE_EXISTS;
        } else {
            bool chosen = etcd_can(etcd, REGISTRY_CAN_CHOOSE_LEASE);
            reply.lease = chosen ? request->lease : lease_of(++etcd->last_lease);
            reply.ttl_ms = etcd_grant(etcd, lease_number(reply.lease), request->ttl_ms, now)->ttl_ms;
        }
        break;
    case REGISTRY_KEEPALIVE:
        if (over) {
            reply.failure = REGISTRY_LEASE_LOST;
        } else {
            lease->ends = ends(etcd, lease->ttl_ms, now);
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
        reply.ttl_known = etcd_can(etcd, REGISTRY_CAN_TELL_TTL);
        reply.ttl_ms = lease == NULL ? -1 : over || !reply.ttl_known ? 0 : (lease->ends - now) / 1000 * 1000;
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
    reply.revision = reply.revision > 0 ? reply.revision : etcd->revision;
    *ret_reply = reply;
}

void etcd_refresh(struct etcd *etcd, int64_t now)
{
    for (unsigned i = 0; i < LEASE_BUCKETS; i++) {
        for (struct model_lease *lease = etcd->buckets[i]; lease != NULL; lease = lease->next) {
            lease->ends = ends(etcd, lease->ttl_ms, now);
        }
    }
}

static void put_back(struct key *key, const struct key *before)
{
    blob_unref(key->value);
    *key = *before;
    key->by_hand = true;
}

int64_t etcd_fail_over(struct etcd *etcd, int64_t back, int64_t now)
{
    int64_t to = etcd->revision - back;
    if (etcd->undo_count == UNDO_MAX && etcd->undo[UNDO_MAX - 1].revision > to) {
        to = etcd->undo[UNDO_MAX - 1].revision; /* perhaps not all of it is remembered */
    }
    for (unsigned i = 0; i < etcd->undo_count && etcd->undo[i].revision > to; i++) {
        put_back(&etcd->keys[etcd->undo[i].key], &etcd->undo[i].before);
        etcd->undo[i].before.value = NULL;
    }
    forget(etcd);
    etcd->revision += EPOCH_STEP;
    etcd->epoch++;
    etcd_refresh(etcd, now);
    return to;
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
    forget(etcd);
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
