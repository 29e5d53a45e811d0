#include "outrider/shell/key_files.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"

/* A file of keys with all of its room reserved at once: a buffer that grows leaves copies of a secret behind. */
static int read_file(const char *path, struct error *err, struct buf *ret_bytes)
{
    buf_extend(ret_bytes, SIGN_FILE_MAX + 1);
    buf_clear(ret_bytes);
    return file_read(path, SIGN_FILE_MAX, err, ret_bytes);
}

static void wipe(struct buf *bytes)
{
    if (bytes->data != NULL) {
        mem_wipe(bytes->data, bytes->capacity);
    }
    buf_fini(bytes);
}

int key_files_signer(const struct config *config, struct error *err, struct sign_key **ret_key)
{
    const char *path = config->record.sign_key;
    struct sign_key *key = NULL;
    struct buf bytes = {0};
    if (path == NULL) {
        *ret_key = NULL;
        return 0;
    }
    if (read_file(path, err, &bytes) == 0) {
        key = sign_key_read(buf_view(&bytes), err);
        if (key == NULL) {
            error_wrap(err, "%s", path);
        }
    }
    wipe(&bytes);
    if (key == NULL) {
        return error_wrap(err, "record.sign_key");
    }
    *ret_key = key;
    return 0;
}

static int add_file(struct sign_trust *trust, const char *path, struct error *err)
{
    struct buf bytes = {0};
    int result = file_read(path, SIGN_FILE_MAX, err, &bytes);
    if (result == 0) {
        result = sign_trust_add(trust, buf_view(&bytes), err);
        result = result < 0 ? error_wrap(err, "%s", path) : 0;
    }
    buf_fini(&bytes);
    return result;
}

int key_files_trust(const struct config *config, struct error *err, struct sign_trust **ret_trust)
{
    struct sign_trust *trust = NULL;
    for (size_t i = 0; i < config->view.sign_key_count; i++) {
        trust = trust == NULL ? sign_trust_new() : trust;
        if (add_file(trust, config->view.sign_keys[i], err) < 0) {
            sign_trust_free(trust);
            return error_wrap(err, "view.sign_keys");
        }
    }
    *ret_trust = trust;
    return 0;
}
