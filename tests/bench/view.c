/* What 10,000 records cost the view, without a network: memory beside their JSON, and CPU for reading a
 * listing, for applying it, for the answer that lists them, for one change, for keeping them and for reading
 * them back. The floor of reading is jansson's parser over the same bytes, that of the answer one memcpy of
 * its size.
 *
 * usage: bench_view [RECORDS]
 * prints "NAME VALUE UNIT" a line; times are CPU times, the least of several runs */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/codec/state/view_file.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"

#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 500, RUNS = 7 };

struct bench {
    size_t count;
    struct registry_item *records;
    size_t json_bytes;
    struct view *view;
    struct queue effects;
    uint64_t request, watch;
    struct instant now;
};

static double cpu_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static void make_records(struct bench *bench)
{
    bench->records = mem_zalloc(bench->count * sizeof(bench->records[0]));
    for (size_t i = 0; i < bench->count; i++) {
        char key[64], json[640];
        snprintf(key, sizeof(key), "/services/world/01J9Z3K8QX5V7T2M4N6P%06zu", i);
        snprintf(
            json, sizeof(json),
            "{\"id\":\"%s\",\"type\":\"world\",\"host\":\"10.%zu.%zu.5\",\"ports\":[8001,8002],\"status\":\"%"
            "s\","
            "\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"customState\":\"round %zu of 9 on harbor\","
            "\"region\":\"kr\",\"zone\":\"kr-%c\",\"group\":\"main\",\"version\":\"1.4.2\",\"tags\":[\"pvp\","
            "\"ranked\"],\"labels\":{\"map\":\"harbor\",\"mode\":\"ctf\",\"build\":\"%zu\"},\"players\":%zu,"
            "\"capacity\":500,\"startedAt\":\"2026-11-21T01:14:00.123Z\"}",
            key + 16, i / 250, i % 250, i % 9 == 0 ? "draining" : "ready", i % 9, (char)('a' + i % 3), i,
            i % 500);
        struct registry_item *record = &bench->records[i];
        record->key = (struct str){mem_strdup(key), strlen(key)};
        record->kv = (struct registry_kv){.found = true,
                                          .value = {mem_strdup(json), strlen(json)},
                                          .mod_revision = 1000 + (int64_t)i,
                                          .create_revision = 1000 + (int64_t)i,
                                          .lease = {.lo = 77}};
        bench->json_bytes += strlen(json);
    }
}

static void step(struct bench *bench, struct view_event event)
{
    struct view_effect effect;
    event.now = bench->now;
    view_step(bench->view, &event, &bench->effects);
    while (queue_take(&bench->effects, &effect)) {
        bench->request = effect.type == VIEW_DO_REQUEST ? effect.request->id : bench->request;
        bench->watch = effect.type == VIEW_DO_WATCH ? effect.watch->id : bench->watch;
        view_effect_fini(&effect);
    }
}

static void load(struct bench *bench)
{
    struct view_items items = {0};
    bench->now = (struct instant){.mono = 1000, .boot = 1000, .wall = 1795227240123};
    bench->view = view_new(&(struct view_settings){
        .prefix = "/services", .mode = VIEW_ALWAYS, .page = PAGE, .can = REGISTRY_CAN_ALL});
    queue_init(&bench->effects, sizeof(struct view_effect));
    step(bench, (struct view_event){.type = VIEW_ON_START});
    for (size_t at = 0; at < bench->count; at += PAGE) {
        size_t size = bench->count - at < PAGE ? bench->count - at : PAGE;
        struct registry_reply reply = {.id = bench->request,
                                       .op = REGISTRY_LIST,
                                       .revision = 100000,
                                       .cluster = 1,
                                       .count = (int64_t)(bench->count - at)};
        view_items_clear(&items);
        view_items_listed(&items, STR("/services"), bench->records + at, size);
        step(bench,
             (struct view_event){
                 .type = VIEW_ON_REPLY, .reply = &reply, .items = items.items, .item_count = items.count});
    }
    view_items_fini(&items);
    struct registry_watch_event opened = {
        .id = bench->watch, .type = REGISTRY_WATCH_OPENED, .revision = 100000, .cluster = 1};
    step(bench, (struct view_event){.type = VIEW_ON_WATCH, .watch = &opened});
    if (view_facts(bench->view)->count != bench->count || !view_facts(bench->view)->synced) {
        fprintf(stderr, "bench_view: the listing was not taken\n");
        exit(1);
    }
}

static void unload(struct bench *bench)
{
    view_free(bench->view);
    queue_fini(&bench->effects);
}

static void measure_memory(struct bench *bench)
{
    size_t before = mallinfo2().uordblks;
    load(bench);
    size_t used = mallinfo2().uordblks - before;
    printf("json_bytes_per_record %zu B\n", bench->json_bytes / bench->count);
    printf("memory_beside_json_per_record %zu B\n", (used - bench->json_bytes) / bench->count);
}

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

static void measure_load(struct bench *bench)
{
    double parse = 0, decode = 0, all = 0;
    for (int run = 0; run < RUNS; run++) {
        json_error_t why;
        double start = cpu_us();
        for (size_t i = 0; i < bench->count; i++) {
            struct str value = bench->records[i].kv.value;
            json_decref(json_loadb(value.data, value.size, 0, &why));
        }
        parse = least(parse, cpu_us() - start);
        struct view_items items = {0};
        start = cpu_us();
        view_items_listed(&items, STR("/services"), bench->records, bench->count);
        decode = least(decode, cpu_us() - start);
        view_items_fini(&items);
        struct view *kept = bench->view;
        struct queue effects = bench->effects;
        start = cpu_us();
        load(bench);
        all = least(all, cpu_us() - start);
        unload(bench);
        bench->view = kept;
        bench->effects = effects;
    }
    printf("floor_parse %.0f us\ndecode %.0f us\ndecode_and_apply %.0f us\n", parse, decode, all);
}

static void measure_list(struct bench *bench)
{
    double copy = 0, list = 0, filtered = 0;
    size_t size = 0;
    struct error err;
    struct filter *filter = filter_new();
    if (filter_add(filter, STR("zone"), STR("kr-b"), &err) < 0 ||
        filter_add(filter, STR("label.mode"), STR("ctf"), &err) < 0) {
        exit(1);
    }
    for (int run = 0; run < RUNS; run++) {
        struct buf out = {0}, some = {0};
        double start = cpu_us();
        services_json_list(bench->view, NULL, &bench->now, &out);
        list = least(list, cpu_us() - start);
        size = out.size;
        start = cpu_us();
        services_json_list(bench->view, filter, &bench->now, &some);
        filtered = least(filtered, cpu_us() - start);
        buf_fini(&some);
        struct buf second = {0};
        start = cpu_us();
        buf_add(&second, out.data, out.size);
        copy = least(copy, cpu_us() - start);
        buf_fini(&second);
        buf_fini(&out);
    }
    filter_free(filter);
    printf("floor_copy %.0f us\nlist %.0f us\nlist_filtered %.0f us\nlist_size %zu B\n", copy, list, filtered,
           size);
}

static void measure_change(struct bench *bench)
{
    enum { CHANGES = 20000 };
    struct view_items items = {0};
    double start = cpu_us();
    for (int i = 0; i < CHANGES; i++) {
        const struct registry_item *record = &bench->records[(size_t)i * 7919 % bench->count];
        struct registry_change change = {.key = record->key,
                                         .value = record->kv.value,
                                         .mod_revision = 100001 + i,
                                         .create_revision = record->kv.create_revision};
        struct registry_watch_event changed = {
            .id = bench->watch, .type = REGISTRY_WATCH_CHANGED, .revision = change.mod_revision};
        view_items_clear(&items);
        view_items_changed(&items, STR("/services"), &change, 1);
        step(bench,
             (struct view_event){
                 .type = VIEW_ON_WATCH, .watch = &changed, .items = items.items, .item_count = items.count});
    }
    printf("change %.2f us\n", (cpu_us() - start) / CHANGES);
    view_items_fini(&items);
}

static void measure_file(struct bench *bench)
{
    double write = 0, read = 0;
    struct error err;
    for (int run = 0; run < RUNS; run++) {
        struct buf out = {0};
        struct view_file file;
        double start = cpu_us();
        view_file_encode(bench->view, &bench->now, &out);
        write = least(write, cpu_us() - start);
        start = cpu_us();
        if (view_file_decode(buf_view(&out), STR("/services"), &file, &err) < 0) {
            exit(1);
        }
        read = least(read, cpu_us() - start);
        view_file_fini(&file);
        buf_fini(&out);
    }
    printf("file_write %.0f us\nfile_read %.0f us\n", write, read);
}

int main(int argc, char **argv)
{
    struct bench bench = {.count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10000};
    make_records(&bench);
    measure_memory(&bench);
    measure_load(&bench);
    measure_list(&bench);
    measure_change(&bench);
    measure_file(&bench);
    unload(&bench);
    for (size_t i = 0; i < bench.count; i++) {
        free((void *)(uintptr_t)bench.records[i].key.data);
        free((void *)(uintptr_t)bench.records[i].kv.value.data);
    }
    free(bench.records);
    return 0;
}
