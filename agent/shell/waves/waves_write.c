/* The transactions. */
#include "waves_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/codec/wave/wave_json.h"

#include <stdio.h>
#include <stdlib.h>

struct str waves_keep_key(struct waves_write *write, const char *prefix, const char *end)
{
    struct buf key = {0};
    buf_printf(&key, "%s%s", prefix, end);
    write->keys[write->key_count++] = key.data;
    return buf_view(&key);
}

static struct blob *keep_value(struct waves_write *write, struct buf *value)
{
    write->values[write->value_count] = blob_take(value);
    return write->values[write->value_count++];
}

static struct blob *hold_value(struct waves_write *write, const struct wave_action *action)
{
    const struct wave *wave = &write->wave;
    const struct wave_server *server = &wave->servers[action->server];
    struct hold hold = {
        .set = !action->lift, .since_wall = server->since_wall, .deadline_wall = server->deadline_wall};
    struct buf value = {0};
    snprintf(hold.reason, sizeof(hold.reason), "%s", wave->spec.reason);
    snprintf(hold.by, sizeof(hold.by), "%s", wave->by);
    snprintf(hold.operation, sizeof(hold.operation), "%s", wave->id);
    control_encode(&hold, &value);
    return keep_value(write, &value);
}

void waves_begin_write(struct waves *waves, struct waves_write *write, struct wave *wave, int64_t revision,
                       bool locked)
{
    struct buf value = {0};
    struct registry_txn *txn = write->txn = mem_zalloc(sizeof(*txn));
    write->id = ++waves->last_id;
    write->wave = *wave;
    *wave = (struct wave){.count = 0};
    struct str key = waves_keep_key(write, waves->drains, write->wave.id);
    wave_encode(&write->wave, WAVE_JSON_STORED, &value);
    if (locked) {
        struct str lock = waves_keep_key(write, waves->election.key, "");
        registry_txn_if(txn, (struct registry_compare){
                                 .kind = REGISTRY_IF_REVISION, .key = lock, .revision = waves->election.mod});
    }
    registry_txn_if(
        txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION, .key = key, .revision = revision});
    registry_txn_then(txn, (struct registry_action){
                               .kind = REGISTRY_WRITE, .key = key, .value = keep_value(write, &value)});
    struct registry_action read = {.kind = REGISTRY_READ, .key = key};
    registry_txn_otherwise(txn, read);
    for (size_t i = 0; i < write->step.action_count; i++) {
        const struct wave_action *action = &write->step.actions[i];
        struct str control =
            waves_keep_key(write, waves->controls_prefix, write->wave.servers[action->server].place);
        registry_txn_if(txn, (struct registry_compare){
                                 .kind = REGISTRY_IF_REVISION, .key = control, .revision = action->revision});
        registry_txn_then(txn, (struct registry_action){.kind = REGISTRY_WRITE,
                                                        .key = control,
                                                        .value = hold_value(write, action)});
        registry_txn_otherwise(txn, (struct registry_action){.kind = REGISTRY_READ, .key = control});
    }
    /* What was written is read back, so that its revision is known whatever else the reply says. */
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        registry_txn_then(txn, txn->otherwise[i]);
    }
}

void waves_submit_write(struct waves *waves, const struct waves_write *write)
{
    const struct registry_request request = {.id = write->id,
                                             .op = REGISTRY_TXN,
                                             .txn = write->txn,
                                             .timeout_ms = waves->settings.request_timeout_ms};
    waves_carry_out(waves->owner, &(struct waves_effect){
                                      .type = WAVES_DO_REQUEST, .client = WAVES_WRITER, .request = &request});
}

void waves_learn_write(struct waves *waves, const struct waves_write *write,
                       const struct registry_reply *reply)
{
    for (size_t i = 0; i < reply->item_count && i < write->txn->otherwise_count; i++) {
        char *key = mem_copy(write->txn->otherwise[i].key.data, write->txn->otherwise[i].key.size);
        bool is_control = !str_starts(str_of(key), str_of(waves->drains));
        waves_learn(waves, key, is_control, &reply->items[i].kv, reply->revision);
        free(key);
    }
}

void waves_end_write(struct waves_write *write)
{
    for (size_t i = 0; i < write->value_count; i++) {
        blob_unref(write->values[i]);
    }
    for (size_t i = 0; i < write->key_count; i++) {
        free(write->keys[i]);
    }
    free(write->txn);
    wave_fini(&write->wave);
    *write = (struct waves_write){.id = 0};
}
