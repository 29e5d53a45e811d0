#include "outrider/os/secret.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"

/* file_read() adds whole blocks before it compares with the limit. */
enum { ROOM = 8192 };

/* Takes the byte order mark and one line break off. */
static void trim(struct buf *secret)
{
    buf_consume(secret, secret->size - str_skip_bom(buf_view(secret)).size);
    if (secret->size > 0 && secret->data[secret->size - 1] == '\n') {
        secret->size--;
    }
    if (secret->size > 0 && secret->data[secret->size - 1] == '\r') {
        secret->size--;
    }
    if (secret->data != NULL) {
        secret->data[secret->size] = '\0';
    }
}

static int judge(const char *path, struct str secret, struct error *err)
{
    size_t size = str_trim(secret).size;
    if (size == 0) {
        return error_set(err, ERROR_INVALID, "%s is %s", path, secret.size == 0 ? "empty" : "blank");
    }
    return size >= SECRET_MIN
               ? 0
               : error_set(
                     err, ERROR_INVALID,
                     "%s has only one byte, which can be guessed; `openssl rand -hex 32` makes a secret",
                     path);
}

int secret_read(const char *path, size_t max, struct error *err, struct buf *ret_secret)
{
    struct buf secret = {0};
    (void)buf_extend(&secret, max + ROOM); /* reserved at once: a buffer that grows leaves copies behind */
    buf_clear(&secret);
    if (file_read(path, max, err, &secret) < 0) {
        secret_fini(&secret);
        return -1;
    }
    trim(&secret);
    if (judge(path, buf_view(&secret), err) < 0) {
        secret_fini(&secret);
        return -1;
    }
    *ret_secret = secret;
    return 0;
}

void secret_fini(struct buf *secret)
{
    if (secret->data != NULL) {
        mem_wipe(secret->data, secret->capacity);
    }
    buf_fini(secret);
}
