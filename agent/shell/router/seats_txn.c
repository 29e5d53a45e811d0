#include "seats_txn_internal.h"

#include "outrider/base/error.h"
#include "outrider/codec/record/seats_json.h"

#include <string.h>

enum { KEYS_MAX = 2 * REGISTRY_TXN_MAX };

/* Bytes of a key after its prefix: "/seat-ids/", a type, '/', an id or a server. */
enum { KEY_REST_MAX = 512 };

/* The buffer has room for every key from the start, so that none moves. */
static struct str make_key(struct seats_txn *txn, const char *prefix, const char *folder, struct str type,
                           const char *name)
{
    size_t at = txn->keys.size;
    buf_printf(&txn->keys, "%s%s/%.*s/%s", prefix, folder, STR_ARG(type), name);
    return (struct str){txn->keys.data + at, txn->keys.size - at};
}

static struct blob *encode_list(const struct reservations *list)
{
    struct buf text = {0};
    struct blob *blob = NULL;
    if (list->count > 0) {
        seats_encode(list, &text);
        blob = blob_new(buf_view(&text));
    }
    buf_fini(&text);
    return blob;
}

static void compare(struct seats_txn *txn, struct str key, int64_t revision)
{
    registry_txn_if(
        &txn->txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION, .key = key, .revision = revision});
}

static void put(struct seats_txn *txn, struct str key, struct blob *value)
{
    registry_txn_then(
        &txn->txn, (struct registry_action){
                       .kind = value == NULL ? REGISTRY_REMOVE : REGISTRY_WRITE, .key = key, .value = value});
}

static void read_else(struct seats_txn *txn, struct str key)
{
    const struct registry_action action = {.kind = REGISTRY_READ, .key = key};
    if (txn->reads) {
        registry_txn_then(&txn->txn, action);
    } else {
        registry_txn_otherwise(&txn->txn, action);
    }
}

static void put_id(struct seats_txn *txn, struct str key, const struct seats_change *change)
{
    struct buf text = {0};
    compare(txn, key, change->id_revision);
    if (change->id_action == SEATS_ID_WRITE) {
        seat_id_encode(&change->place, &text);
        txn->id = blob_new(buf_view(&text));
        buf_fini(&text);
    }
    put(txn, key, txn->id);
}

void seats_txn_make(struct seats_txn *txn, const char *prefix, const char *control_prefix, struct str type,
                    const struct seats_change *change)
{
    *txn = (struct seats_txn){.reads = change->reads};
    buf_extend(&txn->keys, KEYS_MAX * (strlen(prefix) + strlen(control_prefix) + KEY_REST_MAX));
    buf_clear(&txn->keys);
    if (change->of.server[0] != '\0') {
        txn->of_key = make_key(txn, control_prefix, "/seats", type, change->of.server);
        read_else(txn, txn->of_key);
    }
    if (!change->reads) {
        txn->of = encode_list(&change->of.list);
        compare(txn, txn->of_key, change->of.revision);
        put(txn, txn->of_key, txn->of);
    }
    if (!change->reads && change->record_revision != 0) {
        struct str key = make_key(txn, prefix, "", type, change->of.server);
        txn->reads_record = true;
        compare(txn, key, change->record_revision);
        read_else(txn, key);
    }
    if (change->id[0] != '\0') {
        struct str key = make_key(txn, control_prefix, "/seat-ids", type, change->id);
        txn->reads_id = true;
        read_else(txn, key);
        if (!change->reads && change->id_action != SEATS_ID_KEEP) {
            put_id(txn, key, change);
        }
    }
    bool has_former =
        change->former.server[0] != '\0' && strcmp(change->former.server, change->of.server) != 0;
    if (!change->reads && has_former) {
        txn->former_key = make_key(txn, control_prefix, "/seats", type, change->former.server);
        txn->former = encode_list(&change->former.list);
        compare(txn, txn->former_key, change->former.revision);
        put(txn, txn->former_key, txn->former);
    }
    for (size_t i = 0; i < change->dropped_count && !change->reads; i++) {
        put(txn, make_key(txn, control_prefix, "/seat-ids", type, change->dropped[i]), NULL);
    }
}

void seats_txn_fini(struct seats_txn *txn)
{
    blob_unref(txn->of);
    blob_unref(txn->former);
    blob_unref(txn->id);
    buf_fini(&txn->keys);
    *txn = (struct seats_txn){0};
}

/* ---- the answer ---- */

static void read_key(const struct registry_kv *kv, struct seats_key *key)
{
    *key = (struct seats_key){.read = true, .found = kv->found, .revision = kv->found ? kv->mod_revision : 0};
}

void seats_txn_answer(const struct seats_txn *txn, const struct registry_reply *reply,
                      struct seats_reply *ret_answer)
{
    struct error err;
    bool reads_list = txn->of_key.size > 0;
    size_t expected = (size_t)reads_list + (size_t)txn->reads_record + (size_t)txn->reads_id;
    *ret_answer = (struct seats_reply){.failure = reply->failure,
                                       .error = reply->error,
                                       .made = reply->succeeded,
                                       .revision = reply->revision};
    if (reply->failure != REGISTRY_OK || (reply->succeeded && !txn->reads)) {
        return;
    }
    if (reply->item_count != expected) {
        ret_answer->failure = REGISTRY_REFUSED;
        ret_answer->error = STR("the registry answered with other keys than were asked for");
        return;
    }
    const struct registry_item *item = reply->items;
    if (reads_list) {
        read_key(&item->kv, &ret_answer->seats);
        if (item->kv.found) {
            ret_answer->seats.foreign = seats_decode(item->kv.value, &ret_answer->list, &err) < 0;
        }
        item++;
    }
    if (txn->reads_record) {
        read_key(&(item++)->kv, &ret_answer->record);
    }
    if (txn->reads_id) {
        read_key(&item->kv, &ret_answer->id);
        if (item->kv.found) {
            ret_answer->id.foreign = seat_id_decode(item->kv.value, &ret_answer->place, &err) < 0;
        }
    }
}
