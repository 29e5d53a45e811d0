#include "outrider/base/blob.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

struct blob {
    size_t references;
    size_t size;
    char data[];
};

struct blob *blob_new(struct str text)
{
    struct blob *blob = mem_resize(NULL, sizeof(*blob) + text.size + 1, 1);
    blob->references = 1;
    blob->size = text.size;
    if (text.size > 0) {
        memcpy(blob->data, text.data, text.size);
    }
    blob->data[text.size] = '\0';
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
        free(blob);
    }
}

struct str blob_view(const struct blob *blob)
{
    return blob == NULL ? (struct str){NULL, 0} : (struct str){blob->data, blob->size};
}

bool blob_eq(const struct blob *a, const struct blob *b)
{
    return a == b || (a != NULL && b != NULL && str_eq(blob_view(a), blob_view(b)));
}
