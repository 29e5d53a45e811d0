#include "etcd_codec_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/json/json_write.h"

#include <stdio.h>

/* A JWT with a long list of claims stays far below this. */
enum { TOKEN_MAX = 8192 };

void etcd_login_encode(struct str username, struct str password, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_string(&json, "name", username);
    json_member_string(&json, "password", password);
    json_write_object_end(&json);
}

/* Whether the text can be the value of a header: a line break in it would be a header of the server's own. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return text.size > 0 && text.size <= TOKEN_MAX;
}

static int read_token(const json_t *root, struct etcd_status *status, struct buf *ret_token)
{
    const json_t *token = json_object_get(root, "token");
    struct str text = {json_string_value(token), json_string_length(token)};
    if (etcd_json_header(root, status) < 0 || !json_is_string(token) || !is_token(text)) {
        return -1;
    }
    buf_str(ret_token, text);
    return 0;
}

static bool is_off(const struct etcd_status *status)
{
    static const char words[] = "authentication is not enabled";
    return status->failure == REGISTRY_DENIED &&
           memmem(status->text, strlen(status->text), words, strlen(words)) != NULL;
}

/* A login changes nothing that others see: after any failure it can be repeated. */
void etcd_login_decode(int http_status, struct str body, struct etcd_status *ret_status,
                       struct buf *ret_token)
{
    const enum registry_op like = REGISTRY_GET;
    *ret_status = (struct etcd_status){0};
    buf_clear(ret_token);
    json_t *root = etcd_json_parse(body, ETCD_VALUES_MAX);
    if (http_status != 200 || etcd_error_is(root)) {
        etcd_error_classify(like, http_status, body, root, ret_status);
        if (is_off(ret_status)) {
            *ret_status = (struct etcd_status){0};
        }
    } else if (root == NULL || read_token(root, ret_status, ret_token) < 0) {
        etcd_error_malformed(like, "no token in it", ret_status);
    }
    json_decref(root);
}
