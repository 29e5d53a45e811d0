#include "cmd_kv_internal.h"
#include "cmd_kv_stall_internal.h"
#include "outrider/base/backoff.h"
#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>

enum { OPEN_MS = 5000, AGAIN_FIRST_MS = 100, AGAIN_CAP_MS = 5000 };

struct watching {
    struct kv kv;
    struct registry_client *client;
    bool json;
    struct registry_range range;
    int64_t from; /* the next revision wanted; 0: from now on */
    uint64_t id, cluster;
    bool opened, troubled; /* once; now */
    struct timer *again;
    struct kv_stall stall;
    struct backoff backoff;
    struct random random;
    bool over;
    int status;
};

static void end(struct watching *watching, int status)
{
    watching->over = true;
    watching->status = status;
}

static void open_watch(void *user)
{
    struct watching *watching = user;
    struct registry_watch watch = {.id = ++watching->id,
                                   .ranges = {watching->range},
                                   .range_count = 1,
                                   .from_revision = watching->from,
                                   .timeout_ms = OPEN_MS};
    registry_watch(watching->client, &watch);
}

static void print_json(const struct registry_change *change)
{
    struct buf document = {0};
    struct json_writer json = {.out = &document};
    json_write_object(&json);
    json_member_text_if(&json, "event", change->deleted ? "delete" : "put");
    kv_json_bytes(&json, "key", change->key);
    if (!change->deleted) {
        kv_json_bytes(&json, "value", change->value);
    }
    json_write_key(&json, "modRevision");
    json_write_int(&json, change->mod_revision);
    json_write_object_end(&json);
    kv_print_json(&document);
    buf_fini(&document);
}

static void on_changed(struct watching *watching, const struct registry_watch_event *event)
{
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        if (watching->json) {
            print_json(change);
        } else {
            puts(change->deleted ? "DELETE" : "PUT");
            kv_print_line(change->key);
            kv_print_line(change->value);
        }
    }
    watching->from = event->revision >= watching->from ? event->revision + 1 : watching->from;
    kv_stall_told(&watching->stall, event);
    if (!kv_flush()) {
        end(watching, EX_FAILED); /* nobody reads any more */
    }
}

/* Whether what is watched now is not what was; said. */
static bool is_other_cluster(struct watching *watching, const struct registry_watch_event *event)
{
    if (watching->cluster != 0 && event->cluster != 0 && event->cluster != watching->cluster) {
        end(watching, cli_fail(EX_FAILED,
                               "%.*s belongs to cluster %" PRIx64 ", and what was watched to %" PRIx64
                               ": begin again to see it",
                               STR_ARG(event->endpoint), event->cluster, watching->cluster));
    }
    return watching->over;
}

static void on_opened(struct watching *watching, const struct registry_watch_event *event)
{
    if (is_other_cluster(watching, event)) {
        return;
    }
    watching->cluster = event->cluster;
    watching->from = watching->from == 0 ? event->revision + 1 : watching->from;
    if (watching->troubled) {
        fprintf(stderr, "outrider: watching again, from revision %" PRId64 " on\n", watching->from);
    }
    watching->opened = true;
    watching->troubled = false;
    backoff_reset(&watching->backoff);
    kv_stall_opened(&watching->stall, watching->from - 1, event->revision);
}

static void try_again(struct watching *watching, struct str why)
{
    if (!watching->troubled) {
        fprintf(stderr, "outrider: %.*s: trying again\n", STR_ARG(why));
    }
    watching->troubled = true;
    timer_arm_ms(watching->again, backoff_next(&watching->backoff, &watching->random));
}

static void on_stalled(struct str why, bool set_back, void *user)
{
    struct watching *watching = user;
    registry_unwatch(watching->client, watching->id);
    if (set_back) {
        end(watching, cli_fail(EX_FAILED, "%.*s: begin again to see what it has", STR_ARG(why)));
    } else {
        try_again(watching, why);
    }
}

static void on_ended(struct watching *watching, const struct registry_watch_event *event)
{
    bool for_good = event->failure == REGISTRY_DENIED || event->failure == REGISTRY_REFUSED;
    kv_stall_closed(&watching->stall);
    if (event->read_anew) {
        end(watching, cli_fail(EX_FAILED,
                               "revision %" PRId64
                               " is compacted, and what happened since is lost: read the keys, or go "
                               "on with the oldest there is, --rev %" PRId64,
                               watching->from, event->oldest));
    } else if (for_good || !watching->opened) {
        end(watching, kv_fail(event->failure, event->error));
    } else {
        try_again(watching, event->error.size > 0 ? event->error : STR("the watch ended"));
    }
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct watching *watching = user;
    if (watching->over || event->id != watching->id) {
        return;
    }
    switch (event->type) {
    case REGISTRY_WATCH_OPENED: on_opened(watching, event); break;
    case REGISTRY_WATCH_CHANGED: on_changed(watching, event); break;
    case REGISTRY_WATCH_ENDED: on_ended(watching, event); break;
    }
}

static int run(struct watching *watching)
{
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    random_seed(&watching->random, seed);
    backoff_init(&watching->backoff, AGAIN_FIRST_MS, AGAIN_CAP_MS);
    watching->client = registry_attach(etcd_registry(watching->kv.etcd), NULL, on_watch, watching);
    watching->again = timer_new(watching->kv.loop, open_watch, watching);
    kv_stall_init(&watching->stall, &watching->kv, &watching->range, on_stalled, watching);
    open_watch(watching);
    while (!watching->over) {
        loop_turn_once(watching->kv.loop, true);
    }
    kv_stall_fini(&watching->stall);
    timer_free(watching->again);
    return watching->status;
}

int cmd_kv_watch(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct kv_range range = {0};
    struct etcd_op op = {0};
    struct watching watching = {0};
    const char *revision = NULL;
    const struct cli_option options[] = {
        {"--config", 'c', &common.config, NULL}, {"--json", 0, NULL, &common.json},
        {"--prefix", 0, NULL, &range.prefix},    {"--from-key", 0, NULL, &range.from_key},
        {"--rev", 0, &revision, NULL},
    };
    int status;
    struct cli_args words;
    if (!kv_words(command, args, options, COUNT_OF(options), 1, 2, &words, &status)) {
        return status;
    }
    if (revision != NULL && (str_to_i64(str_of(revision), &watching.from) < 0 || watching.from <= 0)) {
        return cli_usage(command, "--rev: `%s` is not a number above 0", revision);
    }
    status = kv_range(command, &range, words, &op);
    if (status == 0 && (status = kv_open(&watching.kv, &common)) == 0) {
        watching.json = common.json;
        watching.range = (struct registry_range){.key = op.key, .end = op.end};
        status = run(&watching);
        kv_close(&watching.kv);
    }
    buf_fini(&range.end);
    return status;
}
