#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch_text.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

const struct registry_watch under_w = {
    .id = 3, .ranges = {{STR_INIT("w/"), STR_INIT("w0")}}, .range_count = 1};
const struct registry_watch two = {
    .id = 3, .ranges = {{STR_INIT("w/"), STR_INIT("w0")}, {STR_INIT("z/b"), STR_INIT("")}}, .range_count = 2};

struct registry_watch from(struct registry_watch watch, int64_t revision)
{
    watch.from_revision = revision;
    return watch;
}

static void write_change(const struct registry_change *change, struct buf *out)
{
    buf_printf(out, " %s%.*s", change->deleted ? "-" : "+", STR_ARG(change->key));
    if (change->deleted) {
        assert_int_equal(change->value.size, 0);
    } else {
        buf_printf(out, "=%.*s/%" PRId64, STR_ARG(change->value), change->create_revision);
    }
    buf_printf(out, "@%" PRId64, change->mod_revision);
    if (!registry_lease_is_none(change->lease)) {
        buf_printf(out, "!%" PRIu64, change->lease.lo);
    }
}

static void write_event(const struct etcd_watch_event *told, struct buf *out)
{
    const struct registry_watch_event *event = &told->event;
    assert_int_equal(event->id, 3);
    switch (event->type) {
    case REGISTRY_WATCH_OPENED:
        buf_printf(out, "opened %" PRId64 " of %" PRIu64 "\n", event->revision, event->cluster);
        return;
    case REGISTRY_WATCH_CHANGED:
        buf_printf(out, "changed %" PRId64, event->revision);
        for (size_t i = 0; i < event->change_count; i++) {
            write_change(&event->changes[i], out);
        }
        buf_str(out, STR("\n"));
        return;
    case REGISTRY_WATCH_ENDED: break;
    }
    buf_printf(out, "ended %s", registry_failure_name(event->failure));
    buf_printf(out, "%s%s", told->elsewhere ? " elsewhere" : "", told->token_refused ? " token" : "");
    if (event->read_anew) {
        buf_printf(out, " %" PRId64, event->oldest);
    }
    buf_printf(out, ": %.*s\n", STR_ARG(event->error));
}

void drain(struct etcd_watch_decoder *decoder, struct buf *out)
{
    struct etcd_watch_event event;
    while (etcd_watch_decoder_next(decoder, &event)) {
        write_event(&event, out);
    }
}

void decode(const struct registry_watch *watch, int status, struct str bytes, size_t cut, bool finish,
            struct buf *out)
{
    struct etcd_watch_decoder *decoder = etcd_watch_decoder_new(watch);
    buf_clear(out);
    etcd_watch_decoder_head(decoder, status);
    drain(decoder, out);
    while (bytes.size > 0) {
        size_t size = bytes.size < cut ? bytes.size : cut;
        char *leaseless = mem_copy(bytes.data, size);
        etcd_watch_decoder_feed(decoder, (struct str){leaseless, size});
        free(leaseless);
        drain(decoder, out);
        bytes = (struct str){bytes.data + size, bytes.size - size};
    }
    if (finish) {
        etcd_watch_decoder_finish(decoder);
        drain(decoder, out);
    }
    etcd_watch_decoder_free(decoder);
}

void expect_text(const struct registry_watch *watch, int status, const char *bytes, bool finish,
                 const char *expected)
{
    static const size_t cuts[] = {SIZE_MAX, 1, 7, 100, 301};
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        decode(watch, status, str_of(bytes), cuts[i], finish, &out);
        assert_string_equal(buf_text(&out), expected);
    }
    buf_fini(&out);
}
