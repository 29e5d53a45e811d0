#include "etcd_watch.h"

#include "meter.h"
#include "outrider/base/base64.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Moves what has come of the chunks from `in` to `line`. Returns whether a line is complete. */
static bool unchunk(struct etcd_watch *watch)
{
    struct buf *in = &watch->wire.in;
    while (in->size > 0) {
        if (watch->chunk_left == 0) {
            if (strstr(buf_text(in), "\r\n") == NULL) {
                return false;
            }
            char *end;
            size_t size = strtoul(in->data, &end, 16);
            if (size == 0) {
                meter_die("etcd ended a watch");
            }
            watch->chunk_left = size + 2;
            buf_consume(in, (size_t)(end - in->data) + 2);
        }
        size_t all = in->size < watch->chunk_left ? in->size : watch->chunk_left;
        size_t data = watch->chunk_left > 2 ? watch->chunk_left - 2 : 0;
        buf_add(&watch->line, buf_text(in), all < data ? all : data);
        watch->chunk_left -= all;
        buf_consume(in, all);
        if (watch->chunk_left == 0 && watch->line.data[watch->line.size - 1] == '\n') {
            return true;
        }
    }
    return false;
}

/* Reads the next line into `message`, or returns false. */
static bool next_message(struct etcd_watch *watch, int timeout_ms)
{
    buf_clear(&watch->line);
    while (!unchunk(watch)) {
        if (!etcd_wire_read(&watch->wire, timeout_ms, &watch->at_us)) {
            return false;
        }
    }
    json_decref(watch->message);
    watch->message = json_loads(buf_text(&watch->line), 0, NULL);
    json_t *result = json_object_get(watch->message, "result");
    if (result == NULL || json_is_true(json_object_get(result, "canceled"))) {
        meter_die("a watch was answered %s", buf_text(&watch->line));
    }
    watch->events = json_object_get(result, "events");
    watch->next = 0;
    return true;
}

static void decode(struct buf *out, const json_t *text)
{
    buf_clear(out);
    if (text != NULL && base64_decode(str_of(json_string_value(text)), out) < 0) {
        meter_die("etcd sent base64 that is none");
    }
}

static const struct etcd_event *take(struct etcd_watch *watch)
{
    json_t *item = json_array_get(watch->events, watch->next++);
    json_t *kv = json_object_get(item, "kv");
    const char *type = json_string_value(json_object_get(item, "type"));
    const char *revision = json_string_value(json_object_get(kv, "mod_revision"));
    struct etcd_event *event = &watch->event;
    event->at_us = watch->at_us;
    event->deleted = type != NULL && strcmp(type, "DELETE") == 0;
    event->revision = revision == NULL ? 0 : strtoll(revision, NULL, 10);
    decode(&event->key, json_object_get(kv, "key"));
    decode(&event->value, json_object_get(kv, "value"));
    return event;
}

const struct etcd_event *etcd_watch_next(struct etcd_watch *watch, int timeout_ms)
{
    while (watch->next >= json_array_size(watch->events)) {
        if (!next_message(watch, timeout_ms)) {
            return NULL;
        }
    }
    return take(watch);
}

const struct etcd_event *etcd_watch_until(struct etcd_watch *watch, const char *key, const char *text,
                                          int timeout_ms)
{
    const struct etcd_event *event;
    while ((event = etcd_watch_next(watch, timeout_ms)) != NULL) {
        bool meant = key == NULL || strcmp(buf_text(&event->key), key) == 0;
        if (meant && (text == NULL ? event->deleted : strstr(buf_text(&event->value), text) != NULL)) {
            return event;
        }
    }
    meter_die("no event of %s with %s within %d ms", key == NULL ? "any key" : key,
              text == NULL ? "its end" : text, timeout_ms);
}

static void add_base64(struct buf *out, const char *before, struct str text, const char *after)
{
    buf_str(out, str_of(before));
    base64_encode(text, out);
    buf_str(out, str_of(after));
}

void etcd_watch_open(struct etcd_watch *watch, const char *endpoint, const char *key, bool prefix)
{
    *watch = (struct etcd_watch){0};
    etcd_wire_open(&watch->wire, endpoint);
    struct buf body = {0}, request = {0}, end = {0};
    buf_str(&end, str_of(key));
    end.data[end.size - 1]++;
    add_base64(&body, "{\"create_request\":{\"key\":\"", str_of(key), "\"");
    if (prefix) {
        add_base64(&body, ",\"range_end\":\"", buf_view(&end), "\"");
    }
    buf_str(&body, STR("}}"));
    etcd_wire_request(&watch->wire, "/v3/watch", &body, &request);
    etcd_wire_send(&watch->wire, &request);
    if (etcd_wire_head(&watch->wire) >= 0 || !next_message(watch, 5000)) {
        meter_die("etcd does not begin a watch");
    }
    buf_fini(&body);
    buf_fini(&request);
    buf_fini(&end);
}
