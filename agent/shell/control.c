/* Sends the requests of core/control/control_write.h, one write for each command. */
#include "agent_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/core/control/control_write.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

struct writing {
    struct writing *next;
    uint64_t id; /* of the request in flight */
    struct buf key;
    struct blob *value; /* of the hold, as bytes */
    struct control_write write;
    bool held; /* a reply showed a hold at the key */
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

static void submit(struct control_writer *writer, struct writing *writing)
{
    bool put = writing->write.state == CONTROL_WRITE_PUTTING;
    writing->id = ++writer->last_id;
    registry_submit(writer->registry, &(struct registry_request){
                                          .id = writing->id,
                                          .op = put ? REGISTRY_PUT : REGISTRY_GET,
                                          .key = buf_view(&writing->key),
                                          .value = put ? writing->value : NULL,
                                          .expect_revision = put ? writing->write.revision : 0,
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
    control_write_init(&writing->write, hold);
    writing->done = done;
    writing->user = user;
    writing->next = writer->first;
    writer->first = writing;
    log_info("control", hold->set ? "drain requested" : "undrain requested", LOG_RATE(LOG_MANY),
             LOG_STR("key", buf_view(&writing->key)), LOG_TEXT("by", hold->by),
             LOG_TEXT("reason", hold->reason));
    submit(writer, writing);
}

static void end(struct control_writer *writer, struct writing *writing, const struct api_controlled *result)
{
    struct writing **at = &writer->first;
    while (*at != writing) {
        at = &(*at)->next;
    }
    *at = writing->next;
    if (result->error.size > 0 || result->conflict) {
        log_warn("control", "control key not written", LOG_RATE(LOG_MANY),
                 LOG_STR("key", buf_view(&writing->key)),
                 LOG_STR("error", result->conflict ? STR("changed by others meanwhile") : result->error));
    }
    writing->done(result, writing->user);
    free_writing(writing);
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
    struct intent_value value;
    router_read_control(reply->kv.found, reply->kv.value, &value);
    struct control_write *write = &writing->write;
    writing->held = writing->held || value.content == INTENT_HELD;
    control_write_reply(write, reply, &value);
    switch (write->state) {
    case CONTROL_WRITE_READING:
    case CONTROL_WRITE_PUTTING: submit(writer, writing); break;
    case CONTROL_WRITE_DONE:
        end(writer, writing, &(struct api_controlled){.revision = write->revision, .held = writing->held});
        break;
    case CONTROL_WRITE_CONFLICT: end(writer, writing, &(struct api_controlled){.conflict = true}); break;
    case CONTROL_WRITE_FAILED:
        end(writer, writing,
            &(struct api_controlled){.failure = write->failure,
                                     .error = reply->error.size > 0 ? reply->error : STR("no answer")});
        break;
    }
}

struct control_writer *control_writer_new(struct agent *agent)
{
    struct control_writer *writer = mem_zalloc(sizeof(*writer));
    writer->agent = agent;
    writer->registry = registry_attach(agent->registry, on_reply, NULL, writer);
    return writer;
}
