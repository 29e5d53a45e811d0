#include "events_world.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/websocket/sockets.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_coding.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "support/listening_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX STR("/services")

enum { ROWS_MAX = 4000 };

static void on_count(void *user, size_t subscribers)
{
    struct world *world = user;
    world->counted = subscribers;
    world->counts++;
}

static const struct leaders *on_leaders(void *user)
{
    const struct world *world = user;
    return world->leaders;
}

static const struct events_ops ops = {on_count, NULL, on_leaders};

static const struct config config = {.view.mode = CONFIG_VIEW_ALWAYS};

static void look(void *user, struct api_view *ret_view)
{
    static const struct api_counters counters;
    struct world *world = user;
    *ret_view = (struct api_view){.now = world->now,
                                  .config = &config,
                                  .counters = &counters,
                                  .fleet = {.view = world->view, .events = world->events}};
}

static void want(void *user)
{
    (void)user;
}

static const struct api_ops api_ops = {.look = look, .want = want};

/* What api.c does, without waiting for the fleet. */
static void serve(struct http_exchange *exchange, const struct api_request *request, bool impatient,
                  void *user)
{
    (void)impatient;
    struct world *world = user;
    struct api_call call = {.context = world->context, .request = *request};
    struct api_reply reply = {0};
    api_handle(&call, &reply);
    if (reply.turn == API_TAKEN) {
        reply.take(&call, exchange);
    } else {
        api_respond(exchange, &reply);
    }
    api_reply_fini(&reply);
    api_call_fini(&call);
}

static void gone(struct http_exchange *exchange, void *user)
{
    (void)exchange;
    struct world *world = user;
    world->gone++;
}

static void handler(struct http_exchange *exchange, const struct http_request *http, void *user)
{
    static const struct api_policy anyone;
    struct api_request request = {.method = http->method,
                                  .path = http->path,
                                  .query = http->query,
                                  .body = http->body,
                                  .policy = &anyone,
                                  .gzip = http_wants_gzip(http->head),
                                  .head = http->head,
                                  .exchange = exchange};
    (void)http_head_find(http->head, STR("Last-Event-ID"), &request.last_event_id);
    serve(exchange, &request, false, user);
}

void world_begin(struct world *world, size_t max_pushes, size_t changes_max)
{
    struct error err = {0};
    *world = (struct world){.now = {.mono = 10000, .boot = 20000, .wall = 1795227240123}, .revision = 800};
    world->loop = loop_new(&err);
    world->view = view_new(&(struct view_settings){.prefix = "/services",
                                                   .mode = VIEW_ALWAYS,
                                                   .page = 1000,
                                                   .changes_max = changes_max,
                                                   .seed = 1,
                                                   .can = REGISTRY_CAN_ALL});
    queue_init(&world->effects, sizeof(struct view_effect));
    world->events = events_new(world->loop, world->view, &ops, world);
    world->context = mem_zalloc(sizeof(*world->context));
    *world->context = (struct api_context){.config = &config,
                                           .ops = &api_ops,
                                           .agent = world,
                                           .impatient = true,
                                           .sockets = api_sockets_new(world->loop),
                                           .inner = {serve, gone, world}};
    world->server = http_server_new(world->loop, handler, NULL, world);
    world->listener = http_server_listen(
        world->server, &(struct http_listener_options){.max_pushes = max_pushes, .peer_share = 100}, &err);
    assert_string_equal(err.text, "");
}

void world_end(struct world *world)
{
    events_free(world->events);
    api_sockets_free(world->context->sockets);
    free(world->context);
    http_server_free(world->server);
    view_free(world->view);
    queue_fini(&world->effects);
    loop_free(world->loop);
}

static void step(struct world *world, struct view_event event)
{
    struct view_effect effect;
    event.now = world->now;
    view_step(world->view, &event, &world->effects);
    while (queue_take(&world->effects, &effect)) {
        world->request = effect.type == VIEW_DO_REQUEST ? effect.request->id : world->request;
        world->watch = effect.type == VIEW_DO_WATCH ? effect.watch->id : world->watch;
        events_emit(world->events, &effect);
        view_effect_fini(&effect);
    }
}

void world_list(struct world *world, uint64_t cluster, const struct row *rows, size_t count)
{
    static struct registry_item listed[ROWS_MAX];
    struct view_items items = {0};
    step(world, (struct view_event){.type = VIEW_ON_START});
    int64_t revision = ++world->revision;
    for (size_t done = 0; done < count || done == 0;) {
        size_t page = count - done < 1000 ? count - done : 1000;
        for (size_t i = 0; i < page; i++) {
            const struct row *row = &rows[done + i];
            listed[i] = (struct registry_item){.key = str_of(row->key),
                                               .kv = {.found = true,
                                                      .value = str_of(row->json),
                                                      .mod_revision = revision,
                                                      .create_revision = 50}};
        }
        view_items_listed(&items, PREFIX, listed, page);
        struct registry_reply reply = {.id = world->request,
                                       .op = REGISTRY_LIST,
                                       .revision = revision,
                                       .cluster = cluster,
                                       .count = (int64_t)count};
        step(world,
             (struct view_event){
                 .type = VIEW_ON_REPLY, .reply = &reply, .items = items.items, .item_count = items.count});
        view_items_clear(&items);
        done += page;
        if (page == 0) {
            break;
        }
    }
    view_items_fini(&items);
    struct registry_watch_event opened = {
        .id = world->watch, .type = REGISTRY_WATCH_OPENED, .revision = revision, .cluster = cluster};
    step(world, (struct view_event){.type = VIEW_ON_WATCH, .watch = &opened});
}

void world_change(struct world *world, const struct row *rows, size_t count)
{
    struct registry_change changes[64];
    struct view_items items = {0};
    assert_true(count <= COUNT_OF(changes));
    world->revision++;
    for (size_t i = 0; i < count; i++) {
        changes[i] = (struct registry_change){.deleted = rows[i].json == NULL,
                                              .key = str_of(rows[i].key),
                                              .value = str_of(rows[i].json),
                                              .mod_revision = world->revision,
                                              .create_revision = 60};
    }
    view_items_changed(&items, PREFIX, changes, count);
    struct registry_watch_event changed = {.id = world->watch,
                                           .type = REGISTRY_WATCH_CHANGED,
                                           .revision = world->revision,
                                           .changes = changes,
                                           .change_count = count};
    step(world,
         (struct view_event){
             .type = VIEW_ON_WATCH, .watch = &changed, .items = items.items, .item_count = items.count});
    view_items_fini(&items);
}

void world_put(struct world *world, const char *key, const char *json)
{
    world_change(world, &(struct row){key, json}, 1);
}

void world_cut(struct world *world, bool compacted)
{
    struct registry_watch_event ended = {.id = world->watch,
                                         .type = REGISTRY_WATCH_ENDED,
                                         .failure = compacted ? REGISTRY_REFUSED : REGISTRY_RETRY,
                                         .read_anew = compacted,
                                         .oldest = compacted ? world->revision + 10 : 0};
    step(world, (struct view_event){.type = VIEW_ON_WATCH, .watch = &ended});
    world->revision += compacted ? 20 : 0;
    world->now.mono += compacted ? 10000 : 0;
    world->now.boot += compacted ? 10000 : 0;
    step(world, (struct view_event){.type = VIEW_ON_TICK});
}

void world_turn(struct world *world)
{
    loop_turn_once(world->loop, false);
}

struct reader reader_dial(struct world *world, const char *target, const char *headers)
{
    struct reader reader = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(listening_port(world->listener))};
    int size = 32768; /* or the kernel reads ahead for a reader that does not */
    setsockopt(reader.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    assert_int_equal(connect(reader.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    struct buf text = {0};
    buf_printf(&text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, headers);
    assert_int_equal(send(reader.fd, text.data, text.size, MSG_NOSIGNAL), text.size);
    buf_fini(&text);
    while (!reader.ended && reader.head.size == 0) {
        world_turn(world);
        reader_read(&reader);
    }
    return reader;
}

void reader_hang_up(struct reader *reader)
{
    close(reader->fd);
    buf_fini(&reader->in);
    buf_fini(&reader->head);
}

void reader_read(struct reader *reader)
{
    char data[65536];
    ssize_t got;
    while ((got = recv(reader->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
        buf_add(&reader->in, data, (size_t)got);
    }
    reader->ended = reader->ended || got == 0;
    const char *end = reader->head.size > 0 ? NULL : strstr(buf_text(&reader->in), "\r\n\r\n");
    if (end != NULL) {
        size_t size = (size_t)(end - reader->in.data) + 4;
        buf_add(&reader->head, reader->in.data, size);
        buf_consume(&reader->in, size);
    }
}

void reader_hear(struct world *world, struct reader *reader, const char *text)
{
    for (;;) {
        reader_read(reader);
        if (reader->in.size > 0 && memmem(reader->in.data, reader->in.size, text, strlen(text)) != NULL) {
            return;
        }
        assert_false(reader->ended);
        world_turn(world);
    }
}

void reader_hear_end(struct world *world, struct reader *reader)
{
    while (!reader->ended) {
        world_turn(world);
        reader_read(reader);
    }
}

void reader_expect(struct world *world, struct reader *reader, const char *text)
{
    size_t size = strlen(text);
    for (reader_read(reader); reader->in.size < size; reader_read(reader)) {
        if (strncmp(buf_text(&reader->in), text, reader->in.size) != 0) {
            break;
        }
        assert_false(reader->ended);
        world_turn(world);
    }
    for (int i = 0; i < 10; i++) { /* and nothing more */
        world_turn(world);
    }
    reader_read(reader);
    assert_string_equal(buf_text(&reader->in), text);
    buf_clear(&reader->in);
}
