/* What a session in memory costs in process: get and put among a million, and the memory beside data, id and player name. The
 * floor is the same texts in one block each, in two tables of uthash (by id, by player).
 *
 * usage: bench_sessions [SESSIONS]
 * prints "NAME VALUE UNIT" a line: medians of single calls, the largest, and bytes for each session */
#include "outrider/base/hash.h"
#include "outrider/base/random.h"
#include "outrider/core/session/session_table.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 200000, SERVERS = 1000, NAME_SIZE = 48 };

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void print_median(const char *name, int64_t *samples, size_t count)
{
    qsort(samples, count, sizeof(samples[0]), by_value);
    printf("%s_median %lld ns\n%s_p99 %lld ns\n%s_largest %lld ns\n", name, (long long)samples[count / 2],
           name, (long long)samples[count * 99 / 100], name, (long long)samples[count - 1]);
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct names {
    char id[NAME_SIZE], player[NAME_SIZE], server[NAME_SIZE];
};

static const char data[] = "{\"party\":\"p-7\",\"skin\":12}";

static struct session name(size_t number, struct names *names)
{
    snprintf(names->id, sizeof(names->id), "01J9Z3K8QX5V7T2M4N6P%06zu", number % 1000000);
    snprintf(names->player, sizeof(names->player), "player-%09zu", number);
    snprintf(names->server, sizeof(names->server), "world/w%zu", number % SERVERS);
    return (struct session){.id = str_of(names->id),
                            .player = str_of(names->player),
                            .type = STR("world"),
                            .server = str_of(names->server),
                            .data = {data, sizeof(data) - 1}};
}

/* ---- the floor ---- */

struct bare {
    UT_hash_handle by_id, by_player;
    int64_t times[3];
    char *id, *player;
    char text[];
};

static void floor_of(size_t count, int64_t *samples)
{
    struct bare *ids = NULL, *players = NULL, *bare;
    struct names names;
    struct random random;
    size_t before = allocated();
    random_seed(&random, 1);
    for (size_t i = 0; i < count; i++) {
        struct session session = name(i, &names);
        int64_t start = now_ns();
        bare = mem_zalloc(sizeof(*bare) + session.id.size + session.player.size + session.data.size);
        bare->id = memcpy(bare->text, session.id.data, session.id.size);
        bare->player = memcpy(bare->text + session.id.size, session.player.data, session.player.size);
        HASH_ADD_KEYPTR(by_id, ids, bare->id, session.id.size, bare);
        HASH_ADD_KEYPTR(by_player, players, bare->player, session.player.size, bare);
        samples[i] = now_ns() - start;
    }
    size_t texts = count * (26 + 16 + sizeof(data) - 1);
    print_median("floor_put_new", samples, count);
    printf("floor_bytes %zu B\n", (allocated() - before - texts) / count);
    for (size_t i = 0; i < CALLS; i++) {
        struct session session = name(random_below(&random, count), &names);
        int64_t start = now_ns();
        HASH_FIND(by_id, ids, session.id.data, session.id.size, bare);
        samples[i] = now_ns() - start;
    }
    print_median("floor_get", samples, CALLS);
}

/* ---- the subject ---- */

static int64_t ask(struct session_table *table, const struct session_request *request,
                   const struct instant *now, struct queue *events)
{
    struct session_reply reply;
    struct session_change change;
    int64_t start = now_ns();
    session_table_request(table, request, now, &reply, &change, events);
    int64_t took = now_ns() - start;
    if (reply.failure != SESSION_OK) {
        fprintf(stderr, "failed: %.*s\n", STR_ARG(reply.error));
        exit(1);
    }
    return took;
}

static struct session_request put_of(struct session session)
{
    return (struct session_request){.op = SESSION_PUT, .session = session, .ttl_ms = 1800000};
}

static void subject(size_t count, int64_t *samples)
{
    struct instant now = {1000000, 1000000, 1700000000000};
    size_t before = allocated();
    struct session_table *table =
        session_table_new(&(struct session_table_settings){.max = count, .seed = 9});
    struct queue events;
    struct names names;
    struct random random;
    random_seed(&random, 1);
    queue_init(&events, sizeof(struct session_event));
    for (size_t i = 0; i < count; i++) {
        struct session_request request = put_of(name(i, &names));
        samples[i] = ask(table, &request, &now, &events);
        now.boot = 1000000 + (int64_t)(i / 1000);
    }
    print_median("put_new", samples, count);
    printf("bytes %zu B\n", (allocated() - before - session_table_facts(table)->text_bytes) / count);
    static const enum session_op ops[] = {SESSION_GET, SESSION_FIND, SESSION_PUT, SESSION_TOUCH, SESSION_PUT};
    static const char *const called[] = {"get", "find", "put", "touch", "put_moved"};
    for (size_t op = 0; op < COUNT_OF(ops); op++) {
        for (size_t i = 0; i < CALLS; i++) {
            struct session session = name(random_below(&random, count), &names);
            struct session_request request = put_of(session);
            if (op == 4) {
                request.session.server = STR("world/w1");
            }
            request.op = ops[op];
            request.session_id = session.id;
            request.player = session.player;
            request.type = session.type;
            samples[i] = ask(table, &request, &now, &events);
        }
        print_median(called[op], samples, CALLS);
    }
    session_table_free(table);
    queue_fini(&events);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)atol(argv[1]) : 1000000;
    int64_t *samples = mem_zalloc((count > CALLS ? count : CALLS) * sizeof(samples[0]));
    for (size_t i = 0; i < CALLS; i++) {
        int64_t start = now_ns();
        samples[i] = now_ns() - start;
    }
    print_median("clock", samples, CALLS);
    subject(count, samples);
    floor_of(count, samples);
    free(samples);
    return 0;
}
