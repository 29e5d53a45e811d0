/* Subscribers that take gzip. What all live ones of a channel get is compressed once, and refers to what they have got before: 8 KiB of
 * the text, and nothing from before the newest of them came (`starts_over`). What one alone gets, its way there, refers to nothing. So a
 * subscriber has no state of its own, and a channel 50 kB.
 *
 * Those that catch up get one portion after the other, in turns that end by the clock. Portions are kept for a moment: who came together
 * reads the same. */
#include "events_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/gzip/gzip.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

enum { TURN_US = 400 };

void events_packer_open(struct events_channel *channel)
{
    channel->packer = mem_zalloc(sizeof(*channel->packer));
    *channel->packer = (struct events_packer){.gzip = gzip_new(GZIP_BLOCKS), .starts_over = true};
    channel->events->gzip_channels++;
}

static void forget_portion(struct events_portion *portion)
{
    blob_unref(portion->blob);
    *portion = (struct events_portion){0};
}

static void forget_portions(struct events *events, const struct events_batch *batch,
                            const struct events_channel *channel)
{
    for (size_t i = 0; i < COUNT_OF(events->portions); i++) {
        if (events->portions[i].batch == batch || events->portions[i].channel == channel) {
            forget_portion(&events->portions[i]);
        }
    }
}

void events_packer_close(struct events_channel *channel)
{
    struct events *events = channel->events;
    if (channel->packer == NULL) {
        return;
    }
    forget_portions(events, NULL, channel);
    gzip_free(channel->packer->gzip);
    free(channel->packer);
    if (--events->gzip_channels == 0) {
        gzip_free(events->alone);
        events->alone = NULL;
    }
}

void events_forget_portions(struct events *events, const struct events_batch *batch)
{
    forget_portions(events, batch, NULL);
}

/* ---- live ---- */

static struct blob *pack(struct events_packer *packer, struct blob *message)
{
    struct buf out = {0};
    if (packer->starts_over) {
        gzip_restart(packer->gzip);
        packer->starts_over = false;
    }
    gzip_add(packer->gzip, blob_view(message), GZIP_FLUSH, &out);
    return blob_take(&out);
}

void events_send_all(const struct events_channel *channel, struct blob *message)
{
    struct events_packer *packer = channel->live == NULL ? NULL : channel->packer;
    struct blob *sent = packer == NULL ? blob_ref(message) : pack(packer, message);
    for (const struct events_subscriber *each = channel->live; each != NULL; each = each->next) {
        http_push_send(each->push, &sent, 1);
    }
    blob_unref(sent);
}

/* ---- one alone ---- */

static struct blob *pack_alone(struct events *events, struct blob *const *messages, size_t count)
{
    struct buf out = {0};
    if (events->alone == NULL) {
        events->alone = gzip_new(GZIP_BLOCKS);
    }
    gzip_restart(events->alone);
    for (size_t i = 0; i < count; i++) {
        gzip_add(events->alone, blob_view(messages[i]), i + 1 == count ? GZIP_FLUSH : GZIP_MORE, &out);
    }
    return blob_take(&out);
}

void events_send_one(struct events_subscriber *subscriber, struct blob *const *messages, size_t count)
{
    struct events_packer *packer = subscriber->channel->packer;
    if (packer == NULL || count == 0) {
        http_push_send(subscriber->push, messages, count);
        return;
    }
    struct blob *packed = pack_alone(subscriber->channel->events, messages, count);
    packer->starts_over = true; /* the others have not got it */
    http_push_send(subscriber->push, &packed, 1);
    blob_unref(packed);
}

/* ---- catching up ---- */

const struct events_portion *events_portion_find(const struct events_subscriber *subscriber)
{
    const struct events_channel *channel = subscriber->channel;
    for (size_t i = 0; channel->packer != NULL && i < EVENTS_PORTIONS_MAX; i++) {
        const struct events_portion *each = &channel->events->portions[i];
        if (each->batch == subscriber->batch && each->channel == channel &&
            each->index == subscriber->index) {
            return each;
        }
    }
    return NULL;
}

/* The last portion of a batch may say whether the view is stale, which another time is another. */
void events_portion_send(struct events_subscriber *subscriber, struct events_portion portion,
                         struct blob *const *messages, size_t count)
{
    struct events *events = subscriber->channel->events;
    portion.blob = pack_alone(events, messages, count);
    http_push_send(subscriber->push, &portion.blob, 1);
    if (portion.next >= subscriber->batch->count) {
        blob_unref(portion.blob);
        return;
    }
    struct events_portion *place = &events->portions[events->next_portion];
    events->next_portion = (events->next_portion + 1) % EVENTS_PORTIONS_MAX;
    forget_portion(place);
    *place = portion;
}

void events_on_packing(void *user)
{
    struct events *events = user;
    int64_t since_us = clock_mono_us();
    size_t sent = 0;
    events_flush(events);
    while (events->packing != NULL && sent < EVENTS_TURN_BYTES && clock_mono_us() - since_us < TURN_US) {
        sent += events_feed(events->packing);
    }
    if (events->packing != NULL) {
        timer_arm_ms(events->packs,
                     0); /* not a deferred call: several of those run before the sockets are asked */
    }
}

void events_go_on(struct events_subscriber *subscriber)
{
    struct events *events = subscriber->channel->events;
    if (subscriber->channel->packer == NULL) {
        events_enter(subscriber, &events->ready);
        events_wake(events);
        return;
    }
    events_enter(subscriber, &events->packing);
    if (!timer_is_armed(events->packs)) {
        timer_arm_ms(events->packs, 0);
    }
}
