#include "etcd_watch_internal.h"

#include <stdio.h>

static void note_delivered(struct watched *watched)
{
    watched->delivered = watched->whole > 0 ? watched->delivered : watched->known;
}

void etcd_watch_emit_released(struct etcd_watch_decoder *decoder)
{
    struct watched *watched = decoder->delivering;
    if (watched != NULL) {
        etcd_watch_held_drop(&watched->held, watched->whole);
        watched->whole = 0;
        decoder->delivering = NULL;
    }
}

static int64_t delivered_on_all(const struct etcd_watch_decoder *decoder)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < decoder->count; i++) {
        const struct watched *watched = &decoder->watched[i];
        least = watched->delivered < least ? watched->delivered : least;
    }
    return least;
}

static struct registry_watch_event *begin_event(const struct etcd_watch_decoder *decoder,
                                                enum registry_watch_event_type type,
                                                struct etcd_watch_event *ret_event)
{
    *ret_event = (struct etcd_watch_event){.event = {.id = decoder->id, .type = type}};
    return &ret_event->event;
}

bool etcd_watch_emit_ended(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    const struct etcd_status *status = &decoder->status;
    struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_ENDED, ret_event);
    bool about_watches = status->failure == REGISTRY_OK || status->failure == REGISTRY_OVERLOADED ||
                         status->failure == REGISTRY_DENIED || status->failure == REGISTRY_REFUSED;
    event->failure = about_watches ? status->failure : REGISTRY_RETRY;
    event->error = event->failure == REGISTRY_OK ? STR("") : str_of(status->text);
    event->read_anew = decoder->compact_revision > 0;
    event->oldest = decoder->compact_revision;
    ret_event->elsewhere = status->elsewhere;
    ret_event->token_refused = status->token_refused;
    decoder->over = true;
    return true;
}

bool etcd_watch_emit_failure(struct etcd_watch_decoder *decoder, const char *why,
                             struct etcd_watch_event *ret_event)
{
    decoder->status = (struct etcd_status){0};
    decoder->status.failure = REGISTRY_RETRY;
    decoder->status.elsewhere = true;
    snprintf(decoder->status.text, sizeof(decoder->status.text), "%s", why);
    return etcd_watch_emit_ended(decoder, ret_event);
}

bool etcd_watch_emit_unexpected(struct etcd_watch_decoder *decoder, const char *what,
                                struct etcd_watch_event *ret_event)
{
    char why[128];
    snprintf(why, sizeof(why), "not a watch of etcd: %s", what);
    return etcd_watch_emit_failure(decoder, why, ret_event);
}

bool etcd_watch_emit_changed(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    for (size_t i = 0; decoder->opened && i < decoder->count; i++) {
        struct watched *watched = &decoder->watched[i];
        if (watched->whole > 0) {
            struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_CHANGED, ret_event);
            watched->delivered = watched->known;
            decoder->delivering = watched;
            decoder->reported = delivered_on_all(decoder);
            event->revision = decoder->reported;
            event->changes = etcd_watch_held_show(&watched->held, watched->whole);
            event->change_count = watched->whole;
            return true;
        }
    }
    return false;
}

bool etcd_watch_emit_progress(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    if (!decoder->opened || delivered_on_all(decoder) <= decoder->reported) {
        return false;
    }
    decoder->reported = delivered_on_all(decoder);
    begin_event(decoder, REGISTRY_WATCH_CHANGED, ret_event)->revision = decoder->reported;
    return true;
}

/* A client reads at `revision` or later after OPENED, and so sees what changed up to then. */
static void forget_until(struct watched *watched, int64_t revision)
{
    size_t count = etcd_watch_held_until(&watched->held, revision);
    etcd_watch_held_drop(&watched->held, count);
    watched->whole -= count < watched->whole ? count : watched->whole;
    watched->known = watched->known > revision ? watched->known : revision;
    watched->delivered = revision;
    note_delivered(watched);
}

bool etcd_watch_emit_opened(struct etcd_watch_decoder *decoder, struct etcd_watch_event *ret_event)
{
    int64_t revision = decoder->created_at;
    decoder->opened = true;
    struct registry_watch_event *event = begin_event(decoder, REGISTRY_WATCH_OPENED, ret_event);
    event->revision = revision;
    event->cluster = decoder->status.cluster;
    if (decoder->from_revision == 0) {
        for (size_t i = 0; i < decoder->count; i++) {
            forget_until(&decoder->watched[i], revision);
        }
        decoder->reported = revision;
    }
    return true;
}

void etcd_watch_settle(struct watched *watched, bool whole)
{
    int64_t newest = etcd_watch_held_newest(&watched->held) - (whole ? 0 : 1);
    watched->known = newest > watched->known ? newest : watched->known;
    watched->whole = etcd_watch_held_until(&watched->held, watched->known);
    note_delivered(watched);
}
