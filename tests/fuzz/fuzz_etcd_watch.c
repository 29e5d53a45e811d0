/* The answer to a watch. The first byte says which watch and how it ends, the second how the bytes are cut;
 * the rest is the body, which must mean the same however it is cut. */
#include "must.h"

#include "outrider/base/random.h"
#include "outrider/codec/etcd/etcd_watch.h"

#include <inttypes.h>

enum { TWO_RANGES = 1, FROM_20 = 2, FINISHED = 4, STATUS_503 = 8 };

struct reading {
    bool opened, ended;
    int64_t revision;
    struct buf text;
};

static void check_change(const struct registry_change *change, const struct registry_change *before)
{
    must(change->key.size > 0 && change->mod_revision > 0);
    must(!change->deleted || change->value.size == 0);
    must(before == NULL || before->mod_revision <= change->mod_revision);
}

static void check(struct reading *reading, const struct etcd_watch_event *told)
{
    const struct registry_watch_event *event = &told->event;
    must(!reading->ended && event->id == 7);
    switch (event->type) {
    case REGISTRY_WATCH_OPENED:
        must(!reading->opened);
        reading->opened = true;
        reading->revision = 0;
        break;
    case REGISTRY_WATCH_CHANGED:
        must(reading->opened && event->revision >= reading->revision);
        must(event->change_count > 0 || event->revision > reading->revision);
        reading->revision = event->revision;
        for (size_t i = 0; i < event->change_count; i++) {
            check_change(&event->changes[i], i == 0 ? NULL : &event->changes[i - 1]);
        }
        break;
    case REGISTRY_WATCH_ENDED:
        reading->ended = true;
        must((event->failure == REGISTRY_OK) == (event->error.size == 0));
        must(event->failure == REGISTRY_OK || event->failure == REGISTRY_RETRY ||
             event->failure == REGISTRY_OVERLOADED || event->failure == REGISTRY_DENIED ||
             event->failure == REGISTRY_REFUSED);
        must(str_is_utf8(event->error));
        break;
    }
}

static void write(const struct registry_watch_event *event, struct buf *out)
{
    buf_printf(out, "%d %" PRId64 " %" PRIu64 " %d %" PRId64 " %.*s\n", (int)event->type, event->revision,
               event->cluster, (int)event->failure, event->oldest, STR_ARG(event->error));
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        buf_printf(out, "%d %" PRId64 " %" PRId64 " %" PRId64 " ", change->deleted, change->mod_revision,
                   change->create_revision, (int64_t)change->lease.lo);
        buf_str(out, change->key);
        buf_str(out, STR("="));
        buf_str(out, change->value);
        buf_str(out, STR("\n"));
    }
}

static void drain(struct etcd_watch_decoder *decoder, struct reading *reading)
{
    struct etcd_watch_event told;
    while (etcd_watch_decoder_next(decoder, &told)) {
        check(reading, &told);
        write(&told.event, &reading->text);
    }
}

/* `random` NULL: in one piece. */
static struct reading read_all(unsigned flags, struct str body, struct random *random)
{
    struct registry_watch watch = {.id = 7,
                                   .ranges = {{STR("w/"), STR("w0")}, {STR("z/b"), STR("")}},
                                   .range_count = (flags & TWO_RANGES) != 0 ? 2 : 1,
                                   .from_revision = (flags & FROM_20) != 0 ? 20 : 0};
    struct etcd_watch_decoder *decoder = etcd_watch_decoder_new(&watch);
    struct reading reading = {0};
    etcd_watch_decoder_head(decoder, (flags & STATUS_503) != 0 ? 503 : 200);
    while (body.size > 0) {
        size_t size = random == NULL ? body.size : (size_t)random_below(random, 97) + 1;
        size = size < body.size ? size : body.size;
        etcd_watch_decoder_feed(decoder, (struct str){body.data, size});
        drain(decoder, &reading);
        body = (struct str){body.data + size, body.size - size};
    }
    if ((flags & FINISHED) != 0) {
        etcd_watch_decoder_finish(decoder);
        drain(decoder, &reading);
        must(reading.ended);
    }
    etcd_watch_decoder_free(decoder);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    unsigned flags = (unsigned)data[0] - '0';
    struct str body = {(const char *)data + 2, size - 2};
    struct random random;
    random_seed(&random, data[1]);
    struct reading whole = read_all(flags, body, NULL);
    struct reading pieces = read_all(flags, body, &random);
    must(str_eq(buf_view(&whole.text), buf_view(&pieces.text)));
    buf_fini(&whole.text);
    buf_fini(&pieces.text);
    return 0;
}
