#include "outrider/shell/key_files.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"
#include "outrider/os/secret.h"

int key_files_signer(const struct config *config, struct error *err, struct sign_key **ret_key)
{
    const char *path = config->record.sign_key;
    struct sign_key *key = NULL;
    struct buf bytes = {0};
    if (path == NULL) {
        *ret_key = NULL;
        return 0;
    }
    if (secret_read(path, SIGN_FILE_MAX, err, &bytes) == 0) {
        key = sign_key_read(buf_view(&bytes), err);
        if (key == NULL) {
            error_wrap(err, "%s", path);
        }
    }
    secret_fini(&bytes);
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
