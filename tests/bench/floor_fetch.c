/* The floor of reading a fleet: fetches all records below a prefix and parses them, and nothing else.
 *
 * What it does: pages of PAGE keys over one connection that is kept, the first as the store is, the others at
 * the revision of the first; each page is parsed by jansson when it has come, the values are decoded from
 * base64, and each record is parsed by jansson. No listing of any program can be had with less from this
 * gateway, and this is the way a program would be written whose author does not count instructions.
 *
 * What it does not do: keep anything of a record, look at a field, check a key, an encoding or the answer's
 * framing beyond what it needs to find the end, bound anything, wait for anything else, or retry. It fetches
 * and parses in turn: a program that asks for the next page before it parses this one may well be faster.
 *
 * usage: bench_floor_fetch ENDPOINT PREFIX PAGE
 * prints "records COUNT" and "fetch US": from the first request, connecting included, to the last record */
#include "etcd_wire.h"
#include "meter.h"

#include "outrider/base/base64.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_SIZE = 65536 };

struct fetch {
    struct etcd_wire wire;
    const char *prefix;
    int64_t page;
    struct buf body, key, value, request;
    size_t records, bytes;
    char revision[32]; /* "": the first page has not come */
};

static void read_more(struct fetch *fetch)
{
    struct buf *in = &fetch->wire.in;
    size_t before = in->size;
    char *at = buf_extend(in, READ_SIZE);
    ssize_t got = recv(fetch->wire.fd, at, READ_SIZE, 0);
    if (got <= 0) {
        meter_die("etcd: %s", got == 0 ? "the connection was closed" : strerror(errno));
    }
    in->size = before + (size_t)got;
    in->data[in->size] = '\0';
}

/* Until `size` bytes are there behind `at`. */
static void need(struct fetch *fetch, size_t at, size_t size)
{
    while (fetch->wire.in.size - at < size) {
        read_more(fetch);
    }
}

/* The size of the chunk at `*at`, which moves behind its line. */
static size_t chunk_size(struct fetch *fetch, size_t *at)
{
    const char *end;
    need(fetch, *at, 3);
    while ((end = strchr(fetch->wire.in.data + *at, '\n')) == NULL) {
        read_more(fetch);
    }
    size_t size = strtoul(fetch->wire.in.data + *at, NULL, 16);
    *at = (size_t)(end + 1 - fetch->wire.in.data);
    return size;
}

static void read_chunks(struct fetch *fetch)
{
    size_t at = 0, size;
    while ((size = chunk_size(fetch, &at)) > 0) {
        need(fetch, at, size + 2);
        buf_add(&fetch->body, fetch->wire.in.data + at, size);
        at += size + 2;
    }
    need(fetch, at, 2);
    buf_clear(&fetch->wire.in);
}

static void receive(struct fetch *fetch)
{
    int64_t length = etcd_wire_head(&fetch->wire);
    buf_clear(&fetch->body);
    if (length < 0) {
        read_chunks(fetch);
        return;
    }
    need(fetch, 0, (size_t)length);
    buf_add(&fetch->body, buf_text(&fetch->wire.in), (size_t)length);
    buf_clear(&fetch->wire.in);
}

static void add_base64(struct buf *out, const char *before, struct str bytes)
{
    buf_str(out, str_of(before));
    base64_encode(bytes, out);
}

static void ask(struct fetch *fetch)
{
    struct buf body = {0}, end = {0};
    buf_str(&end, str_of(fetch->prefix));
    buf_add(&end, "0", 1); /* the byte behind '/' */
    add_base64(&body, "{\"key\":\"", buf_view(&fetch->key));
    add_base64(&body, "\",\"range_end\":\"", buf_view(&end));
    buf_printf(&body, "\",\"limit\":\"%" PRId64 "\"", fetch->page);
    if (fetch->revision[0] != '\0') {
        buf_printf(&body, ",\"revision\":\"%s\"", fetch->revision);
    }
    buf_str(&body, STR("}"));
    etcd_wire_request(&fetch->wire, "/v3/kv/range", &body, &fetch->request);
    etcd_wire_send(&fetch->wire, &fetch->request);
    buf_fini(&body);
    buf_fini(&end);
}

static void decode(json_t *kv, const char *name, struct buf *out)
{
    const json_t *text = json_object_get(kv, name);
    buf_clear(out);
    if (!json_is_string(text) ||
        base64_decode((struct str){json_string_value(text), json_string_length(text)}, out) < 0) {
        meter_die("a key or value that is no base64");
    }
}

/* Returns how many there were. */
static size_t parse(struct fetch *fetch)
{
    json_error_t why;
    json_t *root = json_loadb(buf_text(&fetch->body), fetch->body.size, 0, &why), *kv;
    json_t *kvs = json_object_get(root, "kvs");
    const char *revision = json_string_value(json_object_get(json_object_get(root, "header"), "revision"));
    size_t count = json_array_size(kvs), i;
    if (revision == NULL) {
        meter_die("a page that is none: %s", root == NULL ? why.text : "no revision");
    }
    if (fetch->revision[0] == '\0') {
        snprintf(fetch->revision, sizeof(fetch->revision), "%s", revision);
    }
    for (i = 0; i < count; i++) {
        kv = json_array_get(kvs, i);
        decode(kv, "value", &fetch->value);
        json_t *record = json_loadb(buf_text(&fetch->value), fetch->value.size, 0, &why);
        if (record == NULL) {
            meter_die("a record that is no JSON: %s", why.text);
        }
        fetch->bytes += fetch->value.size;
        json_decref(record);
    }
    if (count > 0) {
        decode(json_array_get(kvs, count - 1), "key", &fetch->key);
        buf_add(&fetch->key, "", 1); /* the next key there can be */
    }
    json_decref(root);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_floor_fetch ENDPOINT PREFIX PAGE\n");
        return 64;
    }
    struct fetch fetch = {.prefix = argv[2], .page = meter_number(argv[3])};
    size_t count;
    int64_t began = meter_now_us();
    etcd_wire_open(&fetch.wire, argv[1]);
    buf_printf(&fetch.key, "%s/", fetch.prefix);
    do {
        ask(&fetch);
        receive(&fetch);
        count = parse(&fetch);
        fetch.records += count;
    } while (count == (size_t)fetch.page);
    printf("records %zu\nbytes %zu\nfetch %" PRId64 "\n", fetch.records, fetch.bytes, meter_now_us() - began);
    buf_fini(&fetch.body);
    buf_fini(&fetch.key);
    buf_fini(&fetch.value);
    buf_fini(&fetch.request);
    buf_fini(&fetch.wire.in);
    return 0;
}
