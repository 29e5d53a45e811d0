#include "outrider/base/blob.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdint.h>
#include <stdlib.h>

struct blob {
    uint32_t references, waiting;
    size_t size;
    struct blob **place; /* see blob_watch(); NULL: none */
    char *taken;         /* the bytes, of blob_take(); NULL: in `data` */
    char data[];
};

static struct blob *make(size_t size, size_t room)
{
    struct blob *blob = mem_resize(NULL, sizeof(*blob) + room, 1);
    *blob = (struct blob){.references = 1, .size = size};
    return blob;
}

struct blob *blob_new(struct str text)
{
    struct blob *blob = make(text.size, text.size + 1);
    if (text.size > 0) {
        memcpy(blob->data, text.data, text.size);
    }
    blob->data[text.size] = '\0';
    return blob;
}

struct blob *blob_take(struct buf *text)
{
    if (text->data == NULL) {
        return blob_new((struct str){NULL, 0});
    }
    struct blob *blob = make(text->size, 0);
    blob->taken = mem_resize(text->data, text->size + 1, 1); /* gives back what the buffer had in reserve */
    *text = (struct buf){0};
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    if (blob != NULL) {
        blob->references++;
    }
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob != NULL && --blob->references == 0) {
        if (blob->place != NULL) {
            *blob->place = NULL;
        }
        free(blob->taken);
        free(blob);
    }
}

struct str blob_view(const struct blob *blob)
{
    if (blob == NULL) {
        return (struct str){NULL, 0};
    }
    return (struct str){blob->taken != NULL ? blob->taken : blob->data, blob->size};
}

bool blob_eq(const struct blob *a, const struct blob *b)
{
    return a == b || (a != NULL && b != NULL && str_eq(blob_view(a), blob_view(b)));
}

void blob_watch(struct blob *blob, struct blob **place)
{
    blob->place = place;
    if (place != NULL) {
        *place = blob;
    }
}

bool blob_wait(struct blob *blob)
{
    return blob->waiting++ == 0;
}

bool blob_waited(struct blob *blob)
{
    return --blob->waiting == 0;
}
