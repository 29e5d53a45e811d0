/* Read, then write by compare. Who drains and finds the key changed in between tries again on what is there
 * now; who undrains and finds a new drain there leaves it: drain wins (docs/design/protocol.md, "Control
 * key"). */
#include "control_internal.h"

#include "agent_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/os/log.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

enum { TRIES_MAX = 5 };

struct writing {
    struct writing *next;
    uint64_t id; /* of the request in flight */
    struct buf key;
    struct blob *value;
    bool lifts;
    bool is_suspect; /* a write may have been done */
    unsigned tries;
    api_controlled_fn *done;
    void *user;
};

struct control_writer {
    struct agent *agent;
    struct registry_client *registry;
    struct writing *first;
    uint64_t last_id;
};

static void free_writing(struct writing *writing)
{
    buf_fini(&writing->key);
    blob_unref(writing->value);
    free(writing);
}

void control_writer_free(struct control_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    registry_detach(writer->registry);
    while (writer->first != NULL) {
        struct writing *writing = writer->first;
        writer->first = writing->next;
        free_writing(writing);
    }
    free(writer);
}

static void submit(struct control_writer *writer, struct writing *writing, enum registry_op op,
                   int64_t expect_revision)
{
    writing->id = ++writer->last_id;
    writing->tries++;
    registry_submit(writer->registry, &(struct registry_request){
                                          .id = writing->id,
                                          .op = op,
                                          .key = buf_view(&writing->key),
                                          .value = op == REGISTRY_PUT ? writing->value : NULL,
                                          .expect_revision = expect_revision,
                                          .timeout_ms = writer->agent->config->registry.request_timeout_ms});
}

void control_writer_put(struct control_writer *writer, struct str type, struct str id,
                        const struct hold *hold, api_controlled_fn *done, void *user)
{
    struct writing *writing = mem_zalloc(sizeof(*writing));
    struct buf value = {0};
    buf_printf(&writing->key, "%s/control/%.*s/%.*s", writer->agent->config->registry.control_prefix,
               STR_ARG(type), STR_ARG(id));
    control_encode(hold, &value);
    writing->value = blob_new(buf_view(&value));
    buf_fini(&value);
    writing->lifts = !hold->set;
    writing->done = done;
    writing->user = user;
    writing->next = writer->first;
    writer->first = writing;
    log_info("control", hold->set ? "drain" : "undrain", LOG_STR("key", buf_view(&writing->key)),
             LOG_TEXT("by", hold->by), LOG_TEXT("reason", hold->reason));
    submit(writer, writing, REGISTRY_GET, 0);
}

static void end(struct control_writer *writer, struct writing *writing, const struct api_controlled *result)
{
    struct writing **at = &writer->first;
    while (*at != writing) {
        at = &(*at)->next;
    }
    *at = writing->next;
    if (result->error.size > 0 || result->conflict) {
        log_warn("control", "a control key was not written", LOG_STR("key", buf_view(&writing->key)),
                 LOG_STR("error", result->conflict ? STR("others change it") : result->error));
    }
    writing->done(result, writing->user);
    free_writing(writing);
}

static bool is_ours(const struct writing *writing, const struct registry_kv *kv)
{
    return kv->found && str_eq(kv->value, blob_view(writing->value));
}

static bool holds(const struct registry_kv *kv)
{
    struct hold hold;
    struct error err;
    return kv->found && control_decode(kv->value, &hold, &err) == 0 && hold.set;
}

/* The key is as `kv` says. */
static void on_read(struct control_writer *writer, struct writing *writing, const struct registry_kv *kv,
                    bool changed_meanwhile)
{
    if (is_ours(writing, kv)) {
        end(writer, writing, &(struct api_controlled){.revision = kv->mod_revision});
    } else if (writing->tries >= TRIES_MAX || (changed_meanwhile && writing->lifts && holds(kv))) {
        end(writer, writing, &(struct api_controlled){.conflict = true});
    } else {
        submit(writer, writing, REGISTRY_PUT, kv->found ? kv->mod_revision : 0);
    }
}

static void on_failed(struct control_writer *writer, struct writing *writing,
                      const struct registry_reply *reply)
{
    bool doubt = reply->op == REGISTRY_PUT && reply->failure == REGISTRY_UNKNOWN;
    if (doubt && writing->tries < TRIES_MAX) {
        writing->is_suspect = true;
        submit(writer, writing, REGISTRY_GET, 0);
        return;
    }
    struct api_controlled result = {.failure = writing->is_suspect ? REGISTRY_UNKNOWN : reply->failure,
                                    .error = reply->error.size > 0 ? reply->error : STR("no answer")};
    end(writer, writing, &result);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct control_writer *writer = user;
    struct writing *writing = writer->first;
    while (writing != NULL && writing->id != reply->id) {
        writing = writing->next;
    }
    if (writing == NULL) {
        return;
    }
    if (reply->failure != REGISTRY_OK) {
        on_failed(writer, writing, reply);
    } else if (reply->op == REGISTRY_PUT && reply->succeeded) {
        end(writer, writing, &(struct api_controlled){.revision = reply->revision});
    } else {
        on_read(writer, writing, &reply->kv, reply->op == REGISTRY_PUT || writing->is_suspect);
    }
}

struct control_writer *control_writer_new(struct agent *agent)
{
    struct control_writer *writer = mem_zalloc(sizeof(*writer));
    writer->agent = agent;
    writer->registry = registry_attach(agent->registry, on_reply, NULL, writer);
    return writer;
}
