#include "cmd_kv_internal.h"
#include "outrider/core/config/config.h"
#include "outrider/core/registry/follow.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>

enum { TIMEOUT_MS = 5000, GRACE_MS = 1000, RETRY_AFTER_MS = 100, CHECKS_PER_TTL = 2 };

struct watching {
    struct kv *kv;
    struct registry_client *client;
    struct follow follow;
    struct queue effects;
    struct timer *timer;
    bool opened, failing; /* once; now */
    int64_t keys;         /* created less deleted, since the start */
    bool over;
    int status;
};

static void step(struct watching *watching, struct follow_event event);

static void end(struct watching *watching, int status)
{
    watching->over = true;
    watching->status = status;
}

/* ---- printing ---- */

static void print_change(struct watching *watching, const struct registry_change *change)
{
    struct json_writer *json = &watching->kv->json;
    if (watching->kv->given->json) {
        json_write_object(json);
        json_member_text(json, "event", change->deleted ? "delete" : "put");
        kv_json_bytes(json, "key", change->key);
        if (!change->deleted) {
            kv_json_bytes(json, "value", change->value);
        }
        json_member_int(json, "modRevision", change->mod_revision);
        kv_print_document(watching->kv);
    } else {
        puts(change->deleted ? "DELETE" : "PUT");
        kv_print_line(watching->kv, change->key, false);
        kv_print_line(watching->kv, change->value, true);
    }
    watching->keys += change->deleted ? -1 : change->create_revision == change->mod_revision ? 1 : 0;
}

/* ---- requests ---- */

static void on_revision(const struct registry_reply *reply, const struct etcd_response *answer, void *user)
{
    (void)answer;
    step(user, (struct follow_event){.type = FOLLOW_ON_REPLY, .reply = reply});
}

/* Only the revision of a GET is needed; etcd can look the key up without sending it. */
static void submit(struct watching *watching, const struct registry_request *request)
{
    if (request->op != REGISTRY_GET || watching->kv->etcd == NULL) {
        registry_submit(watching->client, request);
        return;
    }
    struct etcd_request count = {.kind = ETCD_REQUEST_OP,
                                 .op = {.kind = ETCD_GET, .key = request->key, .count_only = true}};
    etcd_client_send(watching->kv->etcd, request->id, &count, request->timeout_ms, on_revision, watching);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    step(user, (struct follow_event){.type = FOLLOW_ON_REPLY,
                                     .reply = reply,
                                     .listed = reply->item_count,
                                     .newest = reply->item_count == 0 ? 0 : reply->items[0].kv.mod_revision});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct watching *watching = user;
    if (follow_watches(&watching->follow, event->id)) {
        for (size_t i = 0; i < event->change_count; i++) {
            print_change(watching, &event->changes[i]);
        }
        if (!kv_flush()) {
            end(watching, EX_FAILED); /* the reader of the output is gone */
        }
    }
    step(watching, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = event});
}

/* ---- what the follower finds ---- */

static void on_failed(struct watching *watching, const struct follow_effect *failed)
{
    bool final = failed->failure == REGISTRY_DENIED || failed->failure == REGISTRY_REFUSED;
    if (final || !watching->opened) {
        end(watching, kv_fail(failed->failure, failed->text));
        return;
    }
    if (!watching->failing) {
        cli_print(stderr, "outrider: %.*s: trying again\n", STR_ARG(failed->text));
    }
    watching->failing = true;
}

static int cannot_resume(const struct watching *watching, const struct follow_effect *effect)
{
    if (effect->cause != FOLLOW_COMPACTED) {
        return cli_fail(EX_FAILED, "%.*s: start again to see its keys", STR_ARG(effect->text));
    }
    return cli_fail(EX_FAILED,
                    "revision %" PRId64
                    " is compacted, and the changes since are lost: read the keys, or continue "
                    "with the oldest, --rev %" PRId64,
                    watching->follow.delivered + 1, effect->oldest);
}

static void carry_out(struct watching *watching, const struct follow_effect *effect)
{
    switch (effect->type) {
    case FOLLOW_DO_REQUEST: submit(watching, &effect->request); break;
    case FOLLOW_DO_WATCH: registry_watch(watching->client, &effect->watch); break;
    case FOLLOW_DO_UNWATCH: registry_unwatch(watching->client, effect->id); break;
    case FOLLOW_DO_OPENED:
        if (watching->failing) {
            fprintf(stderr, "outrider: watching again, from revision %" PRId64 " on\n", effect->revision + 1);
        }
        watching->opened = true;
        watching->failing = false;
        break;
    case FOLLOW_DO_FAILED: on_failed(watching, effect); break;
    case FOLLOW_DO_READ_ANEW: end(watching, cannot_resume(watching, effect)); break;
    default: break; /* of listings, and for logs */
    }
}

static void step(struct watching *watching, struct follow_event event)
{
    struct follow_effect effect;
    event.now = (struct instant){.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
    event.keys = watching->keys;
    follow_step(&watching->follow, &event, &watching->effects);
    while (queue_take(&watching->effects, &effect)) {
        if (!watching->over) {
            carry_out(watching, &effect);
        }
    }
    timer_arm_at_ms(watching->timer, follow_deadline(&watching->follow).latest);
}

static void on_timer(void *user)
{
    step(user, (struct follow_event){.type = FOLLOW_ON_TICK});
}

/* ---- the command ---- */

int kv_prepare_watch(struct kv *kv)
{
    struct etcd_op *op = &kv->request.op;
    int status = kv_take_number(kv, "--rev", kv->given->revision, &op->revision);
    status = status != 0 ? status : kv_take_range(kv);
    if (status == 0 && op->end.size == 0) {
        buf_str(&kv->bytes, op->key); /* one key: a range up to the first key behind it */
        buf_add(&kv->bytes, "", 1);
        op->end = buf_view(&kv->bytes);
    }
    return status;
}

int kv_run_watch(struct kv *kv)
{
    struct watching watching = {.kv = kv};
    const struct etcd_op *op = &kv->request.op;
    struct registry *registry = kv->registry;
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    follow_init(&watching.follow,
                &(struct follow_settings){.ranges = {{.key = op->key, .end = op->end}},
                                          .range_count = 1,
                                          .check = FOLLOW_CHECK_NEWEST,
                                          .can = registry_can(registry),
                                          .timeout_ms = TIMEOUT_MS,
                                          .check_ms = kv->config->registry.ttl_ms / CHECKS_PER_TTL,
                                          .grace_ms = GRACE_MS,
                                          .first_ms = RETRY_AFTER_MS,
                                          .cap_ms = RETRY_CAP_MS,
                                          .slow_ms = RETRY_CAP_MS,
                                          .seed = seed});
    queue_init(&watching.effects, sizeof(struct follow_effect));
    watching.timer = timer_new(kv->access.loop, on_timer, &watching);
    watching.client = registry_attach(registry, on_reply, on_watch, &watching);
    step(&watching, (struct follow_event){.type = FOLLOW_ON_START, .revision = op->revision});
    while (!watching.over) {
        loop_turn_once(kv->access.loop, true);
    }
    timer_free(watching.timer);
    queue_fini(&watching.effects);
    follow_fini(&watching.follow);
    return watching.status;
}
