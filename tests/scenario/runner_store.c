/* One key and a few leases: a put compares the mod revision, a key ends with its lease. What else differs between
 * registries is asked of the kind. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

/* What is undone never comes back under a revision that was used. */
enum { EPOCH_STEP = 1000 };

static bool can(const struct store *store, enum registry_capability capability)
{
    return (store->kind->can & (uint32_t)capability) != 0;
}

bool store_set_kind(struct store *store, const char *name)
{
    static const struct memory_kind *const kinds[] = {&memory_etcd, &memory_redis, &memory_consul};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            store->kind = kinds[i];
            store->epoch = can(store, REGISTRY_CAN_KEEP) ? 0 : 1;
            return true;
        }
    }
    return false;
}

/* How long after the last keepalive a lease ends. */
static int64_t lives_ms(const struct store *store, int64_t ttl_ms)
{
    return registry_ends_within_ms(&store->kind->limits, ttl_ms);
}

static struct store_lease *find_lease(struct store *store, int64_t id)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (store->leases[i].id == id) {
            return &store->leases[i];
        }
    }
    return NULL;
}

static void set_value(struct store *store, struct blob *value)
{
    blob_unref(store->undo);
    store->undo = store->value;
    store->undo_revision = store->mod_revision;
    store->undo_create = store->create_revision;
    store->value = value;
    store->revision++;
    store->changed_revision = store->revision;
    store->mod_revision = value == NULL ? 0 : store->revision;
    store->key_lease = value == NULL ? 0 : store->key_lease;
}

void store_put(struct store *store, const char *text, int64_t lease)
{
    if (store->value == NULL) {
        store->create_revision = store->revision + 1;
    }
    store->undo_lease = store->key_lease;
    store->key_lease = lease;
    set_value(store, blob_new(str_of(text)));
}

void store_delete(struct store *store)
{
    if (store->value != NULL) {
        set_value(store, NULL);
    }
}

void store_control(struct store *store, const char *text)
{
    blob_unref(store->control);
    store->control = text == NULL ? NULL : blob_new(str_of(text));
    store->revision++;
    store->control_revision = text == NULL ? 0 : store->revision;
}

void store_grant(struct store *store, int64_t lease, int64_t ttl_ms, int64_t boot)
{
    struct store_lease *slot = find_lease(store, lease);
    slot = slot == NULL ? find_lease(store, 0) : slot;
    if (slot != NULL) {
        *slot =
            (struct store_lease){.id = lease, .ttl_ms = ttl_ms, .ends_boot = boot + lives_ms(store, ttl_ms)};
    }
}

void store_revoke(struct store *store, int64_t lease)
{
    struct store_lease *found = find_lease(store, lease);
    if (found != NULL && lease != 0) {
        *found = (struct store_lease){0};
        if (store->key_lease == lease) {
            store_delete(store);
        }
    }
}

void store_forget(struct store *store, int64_t lease)
{
    struct store_lease *found = find_lease(store, lease);
    if (found != NULL) {
        *found = (struct store_lease){0};
    }
}

void store_expire(struct store *store, int64_t boot)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (store->leases[i].id != 0 && store->leases[i].ends_boot <= boot) {
            store_revoke(store, store->leases[i].id);
        }
    }
}

/* ---- the reservations ---- */

static struct registry_kv seats_kv(const struct store *store)
{
    return (struct registry_kv){.found = store->seats != NULL,
                                .value = blob_view(store->seats),
                                .mod_revision = store->seats_revision,
                                .create_revision = store->seats_revision};
}

/* The caller has counted the revision. */
static void set_seats(struct store *store, struct blob *value)
{
    blob_unref(store->seats);
    store->seats = value;
    store->seats_revision = value == NULL ? 0 : store->revision;
}

static void end_seats(struct store *store)
{
    blob_unref(store->seats);
    blob_unref(store->item_values[0]);
    blob_unref(store->item_values[1]);
    store->seats = store->item_values[0] = store->item_values[1] = NULL;
}

static void apply_seats(struct store *store, const struct registry_request *request,
                        struct registry_reply *reply)
{
    reply->succeeded = request->op == REGISTRY_DELETE && store->seats_revision == request->expect_revision;
    if (!reply->succeeded) {
        reply->kv = seats_kv(store);
    } else if (store->seats != NULL) {
        store->revision++;
        set_seats(store, NULL);
    }
}

static void keep_item(struct store *store, size_t at, struct registry_kv kv)
{
    blob_unref(store->item_values[at]);
    store->item_values[at] = blob_new(kv.value);
    store->items[at] = (struct registry_item){.kv = kv};
    store->items[at].kv.value = blob_view(store->item_values[at]);
}

static void forget_id(struct store *store, struct str key)
{
    for (size_t i = 0; i < COUNT_OF(store->seat_ids); i++) {
        struct str id = str_of(store->seat_ids[i]);
        if (id.size > 0 && key.size > id.size &&
            str_eq(id, (struct str){key.data + key.size - id.size, id.size})) {
            store->seat_ids[i][0] = '\0';
        }
    }
}

/* The record is the first key of each list, the reservations the second. */
static void apply_claim(struct store *store, const struct registry_request *request,
                        struct registry_reply *reply)
{
    const struct registry_txn *txn = request->txn;
    const char *problem = registry_txn_problem(txn);
    if (problem != NULL) {
        reply->failure = REGISTRY_REFUSED;
        reply->error = str_of(problem);
        return;
    }
    reply->succeeded = txn->compares[0].revision == store->mod_revision &&
                       txn->compares[1].revision == store->seats_revision;
    if (!reply->succeeded) {
        keep_item(store, 0,
                  (struct registry_kv){.found = store->value != NULL,
                                       .value = blob_view(store->value),
                                       .mod_revision = store->mod_revision,
                                       .create_revision = store->create_revision,
                                       .lease = lease_of(store->key_lease)});
        keep_item(store, 1, seats_kv(store));
        reply->items = store->items;
        reply->item_count = 2;
        return;
    }
    struct str value = blob_view(txn->then[0].value);
    char *text = strndup(value.data, value.size);
    store_put(store, text, lease_number(txn->then[0].lease));
    free(text);
    set_seats(store, txn->then[1].kind == REGISTRY_WRITE ? blob_ref(txn->then[1].value) : NULL);
    for (size_t i = 2; i < txn->then_count; i++) {
        if (txn->then[i].kind == REGISTRY_REMOVE) {
            forget_id(store, txn->then[i].key);
        }
    }
}

void store_seats(struct store *store, struct blob *value)
{
    store->revision++;
    set_seats(store, value);
}

void store_wipe(struct store *store)
{
    store_delete(store);
    store_control(store, NULL);
    end_seats(store);
    store->seats_revision = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        store->leases[i] = (struct store_lease){0};
    }
    store->revision = 1;
    store->changed_revision = 0;
}

void store_fail_over(struct store *store, int64_t boot)
{
    blob_unref(store->value);
    store->value = store->undo;
    store->undo = NULL;
    store->mod_revision = store->undo_revision;
    store->create_revision = store->undo_create;
    store->key_lease = store->value == NULL ? 0 : store->undo_lease;
    store->revision += EPOCH_STEP;
    store->epoch++;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        store->leases[i].ends_boot = boot + lives_ms(store, store->leases[i].ttl_ms);
    }
}

void store_restore(struct store *store)
{
    store_put(store, "{}", store->key_lease);
    store->revision = 3;
    store->changed_revision = store->mod_revision = store->create_revision = 2;
}

void store_fini(struct store *store)
{
    blob_unref(store->value);
    blob_unref(store->control);
    blob_unref(store->undo);
    end_seats(store);
    store->value = store->control = store->undo = NULL;
}

static void read_key(const struct store *store, struct registry_kv *kv)
{
    *kv = (struct registry_kv){.found = store->value != NULL,
                               .value = blob_view(store->value),
                               .mod_revision = store->mod_revision,
                               .create_revision = store->create_revision,
                               .lease = lease_of(store->key_lease)};
}

static void apply_control(struct store *store, const struct registry_request *request,
                          struct registry_reply *reply)
{
    reply->succeeded = request->op != REGISTRY_GET && store->control_revision == request->expect_revision;
    if (!reply->succeeded) {
        reply->kv = (struct registry_kv){.found = store->control != NULL,
                                         .value = blob_view(store->control),
                                         .mod_revision = store->control_revision,
                                         .create_revision = store->control_revision};
    } else if (request->op == REGISTRY_PUT || store->control != NULL) {
        blob_unref(store->control);
        store->control = request->op == REGISTRY_PUT ? blob_ref(request->value) : NULL;
        store->revision++;
        store->control_revision = store->control == NULL ? 0 : store->revision;
    }
}

static void apply_put(struct store *store, const struct registry_request *request,
                      struct registry_reply *reply)
{
    if (!registry_lease_is_none(request->lease) && find_lease(store, lease_number(request->lease)) == NULL) {
        reply->failure = REGISTRY_LEASE_LOST;
        reply->error = STR("requested lease not found");
        return;
    }
    reply->succeeded = store->mod_revision == request->expect_revision;
    int64_t lease = lease_number(request->lease);
    bool same = store->value != NULL && lease == store->key_lease && blob_eq(store->value, request->value);
    if (reply->succeeded && same && !can(store, REGISTRY_CAN_REVISE_SAME)) {
        reply->revision = store->mod_revision;
    } else if (reply->succeeded) {
        if (store->value == NULL) {
            store->create_revision = store->revision + 1;
        }
        store->undo_lease = store->key_lease;
        store->key_lease = lease;
        set_value(store, blob_ref(request->value));
    } else {
        read_key(store, &reply->kv);
    }
}

static void apply_lease(struct store *store, const struct registry_request *request, int64_t boot,
                        struct registry_reply *reply)
{
    bool named = !registry_lease_is_none(request->lease);
    struct store_lease *lease = named ? find_lease(store, lease_number(request->lease)) : NULL;
    bool gone = lease == NULL;
    if (request->op == REGISTRY_GRANT && !gone) {
        reply->failure = REGISTRY_LEASE_EXISTS;
    } else if (request->op == REGISTRY_GRANT) {
        int64_t least = store->kind->limits.ttl_min_ms;
        bool chosen = can(store, REGISTRY_CAN_CHOOSE_LEASE);
        reply->lease = chosen ? request->lease : lease_of(++store->last_lease);
        reply->ttl_ms = request->ttl_ms > least ? request->ttl_ms : least;
        store_grant(store, lease_number(reply->lease), reply->ttl_ms, boot);
    } else if (request->op == REGISTRY_LEASE_TTL) {
        reply->ttl_known = can(store, REGISTRY_CAN_TELL_TTL);
        reply->ttl_ms = gone ? -1 : reply->ttl_known ? lease->ends_boot - boot : 0;
    } else if (gone) {
        reply->failure = REGISTRY_LEASE_LOST;
    } else if (request->op == REGISTRY_KEEPALIVE) {
        lease->ends_boot = boot + lives_ms(store, lease->ttl_ms);
        reply->ttl_ms = lease->ttl_ms;
    } else {
        store_revoke(store, lease_number(request->lease));
    }
}

void store_apply(struct store *store, const struct fake_call *call, int64_t boot,
                 struct registry_reply *ret_reply)
{
    const struct registry_request *request = &call->request;
    *ret_reply =
        (struct registry_reply){.id = request->id, .op = request->op, .endpoint = STR("http://store")};
    store_expire(store, boot);
    if (call->control) {
        apply_control(store, request, ret_reply);
        ret_reply->revision = store->revision;
        return;
    }
    if (call->seats) {
        apply_seats(store, request, ret_reply);
        ret_reply->revision = store->revision;
        return;
    }
    switch (request->op) {
    case REGISTRY_TXN: apply_claim(store, request, ret_reply); break;
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: apply_lease(store, request, boot, ret_reply); break;
    case REGISTRY_GET: read_key(store, &ret_reply->kv); break;
    case REGISTRY_PUT: apply_put(store, request, ret_reply); break;
    case REGISTRY_COMPARE:
        ret_reply->succeeded =
            store->mod_revision == request->expect_revision &&
            (request->range_end.size == 0 || store->control_revision == request->at_revision);
        break;
    case REGISTRY_DELETE:
    case REGISTRY_LIST:
    case REGISTRY_PROVE:
    case REGISTRY_OP_COUNT: break; /* the registrar never asks for it */
    }
    ret_reply->revision = ret_reply->revision > 0 ? ret_reply->revision : store->revision;
    ret_reply->cluster = store->cluster;
    ret_reply->epoch = store->epoch;
}
