#include "outrider/codec/redis/redis_reply.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>

/* Since hiredis 1.0 an array's size is a size_t. */
#if HIREDIS_MAJOR >= 1
typedef size_t reader_size;
#else
typedef int reader_size;
#endif

struct redis_decoder {
    redisReader *reader;
    size_t max, left; /* left: of the reply that is being read */
    bool too_large, too_deep;
    struct redis_reply *last; /* handed out by the last call */
};

static void free_items(struct redis_reply *reply)
{
    if (reply->type == REDIS_IS_ARRAY) {
        for (size_t i = 0; i < reply->count; i++) {
            free_items(&reply->items[i]);
        }
    }
    free(reply->memory);
}

/* The root alone is a block of its own; an item lives in its array. */
static void free_reply(void *object)
{
    if (object != NULL) {
        free_items(object);
        free(object);
    }
}

/* ---- what the reader calls: NULL makes it fail ---- */

static bool spend(struct redis_decoder *decoder, size_t bytes)
{
    if (bytes > decoder->left) {
        decoder->too_large = true;
        return false;
    }
    decoder->left -= bytes;
    return true;
}

/* The reply to write to: the next item of the array around, or a new one. */
static struct redis_reply *place_of(const redisReadTask *task)
{
    if (task->parent == NULL) {
        return mem_zalloc(sizeof(struct redis_reply));
    }
    struct redis_reply *array = task->parent->obj;
    return &array->items[task->idx];
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    if (!spend(task->privdata, size + 1)) {
        return NULL;
    }
    struct redis_reply *reply = place_of(task);
    reply->type = task->type == REDIS_REPLY_ERROR    ? REDIS_IS_ERROR
                  : task->type == REDIS_REPLY_STATUS ? REDIS_IS_STATUS
                                                     : REDIS_IS_STRING;
    reply->memory = mem_copy(text, size);
    reply->text = (struct str){reply->memory, size};
    return reply;
}

static void *create_array(const redisReadTask *task, reader_size count)
{
    struct redis_decoder *decoder = task->privdata;
    size_t depth = 1;
    for (const redisReadTask *outer = task->parent; outer != NULL; outer = outer->parent) {
        depth++;
    }
    decoder->too_deep = depth > REDIS_DEPTH_MAX;
    if (decoder->too_deep || (size_t)count > decoder->max ||
        !spend(decoder, (size_t)count * sizeof(struct redis_reply))) {
        decoder->too_large = !decoder->too_deep;
        return NULL;
    }
    struct redis_reply *reply = place_of(task);
    reply->type = REDIS_IS_ARRAY;
    reply->count = (size_t)count;
    reply->items = reply->memory = count == 0 ? NULL : mem_zalloc((size_t)count * sizeof(struct redis_reply));
    return reply;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    struct redis_reply *reply = place_of(task);
    reply->type = REDIS_IS_INTEGER;
    reply->integer = number;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return place_of(task); /* zeroed: a nil */
}

#if HIREDIS_MAJOR >= 1
/* RESP3, which no client of this decoder asks for. */
static void *create_double(const redisReadTask *task, double number, char *text, size_t size)
{
    (void)task, (void)number, (void)text, (void)size;
    return NULL;
}

static void *create_bool(const redisReadTask *task, int yes)
{
    (void)task, (void)yes;
    return NULL;
}
#endif

static redisReplyObjectFunctions functions = {.createString = create_string,
                                              .createArray = create_array,
                                              .createInteger = create_integer,
                                              .createNil = create_nil,
#if HIREDIS_MAJOR >= 1
                                              .createDouble = create_double,
                                              .createBool = create_bool,
#endif
                                              .freeObject = free_reply};

/* ---- the decoder ---- */

struct redis_decoder *redis_decoder_new(size_t max)
{
    struct redis_decoder *decoder = mem_zalloc(sizeof(*decoder));
    decoder->max = decoder->left = max;
    decoder->reader = redisReaderCreateWithFunctions(&functions);
    if (decoder->reader == NULL) {
        abort(); /* no memory: as mem.h */
    }
    decoder->reader->privdata = decoder;
    return decoder;
}

void redis_decoder_free(struct redis_decoder *decoder)
{
    if (decoder != NULL) {
        free_reply(decoder->last);
        redisReaderFree(decoder->reader);
        free(decoder);
    }
}

void redis_decoder_feed(struct redis_decoder *decoder, struct str bytes)
{
    (void)redisReaderFeed(decoder->reader, bytes.data, bytes.size); /* an error is kept, and told by next() */
}

static int fail(const struct redis_decoder *decoder, struct error *err)
{
    if (decoder->too_large) {
        return error_set(err, ERROR_LIMIT, "a reply larger than %zu bytes", decoder->max);
    }
    if (decoder->too_deep) {
        return error_set(err, ERROR_LIMIT, "a reply of more than %d levels", REDIS_DEPTH_MAX);
    }
    return error_set(err, ERROR_PROTOCOL, "no reply of Redis: %s", decoder->reader->errstr);
}

/* What waits is the beginning of one item: it has its line, and is not longer than a reply may be. */
static int check_waiting(struct redis_decoder *decoder, struct error *err)
{
    const redisReader *reader = decoder->reader;
    size_t waiting = reader->len - reader->pos;
    if (waiting > REDIS_LINE_MAX && memchr(reader->buf + reader->pos, '\n', REDIS_LINE_MAX) == NULL) {
        return error_set(err, ERROR_LIMIT, "a line longer than %d bytes", REDIS_LINE_MAX);
    }
    decoder->too_large = waiting > decoder->left + REDIS_LINE_MAX;
    return decoder->too_large ? fail(decoder, err) : 0;
}

int redis_decoder_next(struct redis_decoder *decoder, struct error *err, const struct redis_reply **ret_reply)
{
    void *object = NULL;
    free_reply(decoder->last);
    decoder->last = NULL;
    if (redisReaderGetReply(decoder->reader, &object) != REDIS_OK) {
        return fail(decoder, err);
    }
    if (object == NULL) {
        return check_waiting(decoder, err);
    }
    decoder->left = decoder->max;
    decoder->last = object;
    *ret_reply = object;
    return 1;
}

/* ---- commands ---- */

/* Of a number: its mark, its digits, CR LF. */
enum { NUMBER_MAX = 1 + 20 + 2 };

static char *put_end(char *to)
{
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static char *put_number(char *to, char mark, size_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *to++ = mark;
    while (first < sizeof(digits)) {
        *to++ = digits[first++];
    }
    return put_end(to);
}

/* There is room for all of it before anything is written: a command has many small parts. */
void redis_command_add(struct buf *out, const struct str *args, size_t count)
{
    size_t most = NUMBER_MAX;
    for (size_t i = 0; i < count; i++) {
        most += NUMBER_MAX + args[i].size + 2;
    }
    char *to = put_number(buf_extend(out, most), '*', count);
    for (size_t i = 0; i < count; i++) {
        to = put_number(to, '$', args[i].size);
        if (args[i].size > 0) {
            memcpy(to, args[i].data, args[i].size);
        }
        to = put_end(to + args[i].size);
    }
    *to = '\0';
    out->size = (size_t)(to - out->data);
}

/* ---- small things ---- */

const struct redis_reply *redis_item(const struct redis_reply *reply, size_t index)
{
    static const struct redis_reply nil;
    return reply->type == REDIS_IS_ARRAY && index < reply->count ? &reply->items[index] : &nil;
}

struct str redis_text(const struct redis_reply *reply)
{
    bool is_text = reply->type == REDIS_IS_STRING || reply->type == REDIS_IS_STATUS;
    return is_text ? reply->text : (struct str){"", 0};
}

const char *redis_script_sha(struct str source, char ret_sha[static REDIS_SHA_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = EVP_Digest(source.data, source.size, digest, &size, EVP_sha1(), NULL);
    assert(done == 1 && size == (REDIS_SHA_SIZE - 1) / 2);
    (void)done;
    for (size_t i = 0; i < size; i++) {
        snprintf(ret_sha + 2 * i, 3, "%02x", digest[i]);
    }
    return ret_sha;
}
