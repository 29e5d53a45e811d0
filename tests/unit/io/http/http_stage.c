#include "http_stage.h"

#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/io/http/server/http_push.h"

#include <stdlib.h>
#include <string.h>

static void on_drained(struct http_push *push, void *user)
{
    struct stage *stage = user;
    assert_int_equal(http_push_facts(push)->behind, 0);
    stage->drained++;
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    struct stage *stage = user;
    stage->closed++;
    stage->behind += why == HTTP_PUSH_BEHIND ? 1 : 0;
    stage->shut += why == HTTP_PUSH_SHUT ? 1 : 0;
    stage->for_room += why == HTTP_PUSH_ROOM ? 1 : 0;
    assert_true(http_push_facts(push)->is_closed);
    http_push_send(push, &stage->small, 1); /* dropped */
    for (size_t i = 0; stage->ends_when_closed && i < stage->count; i++) {
        if (stage->pushes[i] == push) {
            stage->pushes[i] = NULL;
            http_push_end(push);
        }
    }
}

static const struct http_push_calls calls = {.drained = on_drained, .closed = on_closed};

static void handler(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    struct stage *stage = user;
    static const char *const headers[] = {"Cache-Control: no-store", NULL};
    if (!str_eq(request->path, STR("/push"))) {
        http_respond(exchange, &(struct http_response){.status = 200, .body = STR("plain")});
        return;
    }
    if (stage->refuses && http_push_refusal(exchange) != NULL) {
        http_respond(exchange, &(struct http_response){.status = 503, .body = STR("full")});
        stage->declined++;
        return;
    }
    struct http_push *push = http_push_begin(
        exchange, &(struct http_push_options){.content_type = STR("text/event-stream"), .headers = headers},
        &calls, stage);
    assert_true(request->path.data[0] == '/'); /* still borrowed */
    if (push == NULL) {
        stage->declined++;
    } else {
        stage->pushes[stage->count++] = push;
    }
}

int stage_set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    void *world;
    char text[SMALL];
    world_set_up(&world);
    stage->world = world;
    memset(text, 's', sizeof(text));
    stage->small = blob_new((struct str){text, sizeof(text)});
    *state = stage;
    return 0;
}

int stage_tear_down(void **state)
{
    struct stage *stage = *state;
    void *world = stage->world;
    for (size_t i = 0; i < stage->count; i++) {
        http_push_end(stage->pushes[i]);
    }
    blob_unref(stage->small);
    free(stage);
    return world_tear_down(&world);
}

void stage_serve(struct stage *stage, struct http_listener_options options)
{
    struct error err = {0};
    stage->world->server = http_server_new(stage->world->loop, handler, NULL, stage);
    stage->world->listener = http_server_listen(stage->world->server, &options, &err);
    assert_string_equal(err.text, "");
}

struct client stage_subscribe_from(struct stage *stage, const char *source, const char *request)
{
    size_t before = stage->count;
    struct client client = client_dial_from(stage->world, source);
    client_say(&client, request);
    while (stage->count == before) {
        world_turn(stage->world);
    }
    return client;
}

struct client stage_subscribe(struct stage *stage, const char *request)
{
    return stage_subscribe_from(stage, "127.0.0.1", request);
}

void stage_send(struct http_push *push, const char *text)
{
    struct blob *blob = blob_new(str_of(text));
    http_push_send(push, &blob, 1);
    blob_unref(blob);
}

const struct http_server_counters *stage_counters(const struct stage *stage)
{
    return http_server_counters(stage->world->server);
}
