#include "outrider/api/common/packs.h"

#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/gzip/gzip.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>
#include <utlist.h>

/* JSON is compressed at 200 MB/s and more, so that a slice takes about 0.3 ms; what does not compress at 40. So the time ends a turn as
 * well, and a piece is what runs without a look at the clock. */
enum { SLICE_BYTES = 65536, PIECE_BYTES = 8192, SLICE_US = 400 };

struct pack_waiter {
    struct pack_waiter *next, *prev;
    struct http_exchange *exchange;
    struct api_reply reply; /* with a reference to the pack */
};

struct api_pack {
    struct api_pack *next, *prev; /* of those under way */
    struct api_packs *packs;
    size_t references;
    struct blob *plain; /* NULL: PACKED */
    size_t at;          /* how much of it is compressed */
    struct gzip *gzip;  /* NULL: not begun, or done */
    struct buf out;
    struct blob *packed; /* NULL: PACKING */
    struct pack_waiter *waiters;
};

struct api_packs {
    struct api_pack *running; /* the oldest first */
    struct timer *turn;       /* armed while there is one */
    struct api_packs_counters counters;
};

static void stop(struct api_pack *pack)
{
    DL_DELETE(pack->packs->running, pack);
    pack->packs->counters.running--;
    gzip_free(pack->gzip);
    pack->gzip = NULL;
    blob_unref(pack->plain);
    pack->plain = NULL;
}

struct api_pack *api_pack_ref(struct api_pack *pack)
{
    if (pack != NULL) {
        pack->references++;
    }
    return pack;
}

void api_pack_unref(struct api_pack *pack)
{
    if (pack == NULL || --pack->references > 0) {
        return;
    }
    if (pack->plain != NULL) {
        stop(pack);
    }
    buf_fini(&pack->out);
    blob_unref(pack->packed);
    free(pack);
}

struct blob *api_pack_done(const struct api_pack *pack)
{
    return pack->packed;
}

static void take_out(struct api_pack *pack, struct pack_waiter *waiter)
{
    DL_DELETE(pack->waiters, waiter);
    pack->packs->counters.waiting--;
}

static void free_waiter(struct pack_waiter *waiter)
{
    api_reply_fini(&waiter->reply);
    free(waiter);
}

/* An answer may end other exchanges, which then leave the list. */
static void answer_all(struct api_pack *pack)
{
    api_pack_ref(pack);
    while (pack->waiters != NULL) {
        struct pack_waiter *waiter = pack->waiters;
        take_out(pack, waiter);
        api_respond(waiter->exchange, &waiter->reply);
        free_waiter(waiter);
    }
    api_pack_unref(pack);
}

/* Whether it is done. */
static bool compress_slice(struct api_pack *pack, int64_t since_us)
{
    struct str bytes = blob_view(pack->plain);
    size_t end = bytes.size - pack->at > SLICE_BYTES ? pack->at + SLICE_BYTES : bytes.size;
    if (pack->gzip == NULL) {
        pack->gzip = gzip_new(GZIP_FILE);
    }
    do {
        struct str piece = {bytes.data + pack->at,
                            end - pack->at < PIECE_BYTES ? end - pack->at : PIECE_BYTES};
        pack->at += piece.size;
        gzip_add(pack->gzip, piece, pack->at == bytes.size ? GZIP_END : GZIP_MORE, &pack->out);
    } while (pack->at < end && clock_mono_us() - since_us < SLICE_US);
    return pack->at == bytes.size;
}

static void on_turn(void *user)
{
    struct api_packs *packs = user;
    struct api_pack *pack = packs->running;
    int64_t since_us = clock_mono_us();
    bool done = pack != NULL && compress_slice(pack, since_us);
    int64_t took_us = clock_mono_us() - since_us;
    packs->counters.pause_us = took_us > packs->counters.pause_us ? took_us : packs->counters.pause_us;
    if (done) {
        stop(pack);
        pack->packed = blob_take(&pack->out);
        packs->counters.packed++;
        answer_all(pack);
    }
    if (packs->running != NULL) {
        timer_arm_ms(packs->turn,
                     0); /* not a deferred call: several of those run before the sockets are asked */
    }
}

struct api_packs *api_packs_new(struct loop *loop)
{
    struct api_packs *packs = mem_zalloc(sizeof(*packs));
    packs->turn = timer_new(loop, on_turn, packs);
    return packs;
}

void api_packs_free(struct api_packs *packs)
{
    if (packs == NULL) {
        return;
    }
    while (packs->running != NULL) {
        answer_all(packs->running); /* those that wait are the last to refer to it */
    }
    timer_free(packs->turn);
    free(packs);
}

struct api_pack *api_packs_begin(struct api_packs *packs, struct blob *plain)
{
    if (packs->counters.running == API_PACKS_MAX) {
        packs->counters.plain++;
        return NULL;
    }
    struct api_pack *pack = mem_zalloc(sizeof(*pack));
    *pack = (struct api_pack){.packs = packs, .references = 1, .plain = blob_ref(plain)};
    DL_APPEND(packs->running, pack);
    packs->counters.running++;
    if (!timer_is_armed(packs->turn)) {
        timer_arm_ms(packs->turn, 0);
    }
    return pack;
}

bool api_packs_wait(struct api_packs *packs, struct http_exchange *exchange, struct api_reply *reply)
{
    if (packs->counters.waiting == API_PACKS_WAITING_MAX) {
        packs->counters.plain++;
        return false;
    }
    struct pack_waiter *waiter = mem_zalloc(sizeof(*waiter));
    *waiter = (struct pack_waiter){.exchange = exchange, .reply = *reply};
    *reply = (struct api_reply){0};
    DL_APPEND(waiter->reply.pack->waiters, waiter);
    packs->counters.waiting++;
    return true;
}

void api_packs_gone(struct api_packs *packs, const struct http_exchange *exchange)
{
    for (struct api_pack *pack = packs->running; pack != NULL; pack = pack->next) {
        struct pack_waiter *each;
        DL_FOREACH(pack->waiters, each)
        {
            if (each->exchange == exchange) {
                take_out(pack, each);
                free_waiter(each); /* and the pack, where none else refers to it */
                return;
            }
        }
    }
}

const struct api_packs_counters *api_packs_counters(const struct api_packs *packs)
{
    return &packs->counters;
}
