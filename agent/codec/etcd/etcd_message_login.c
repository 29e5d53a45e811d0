#include "etcd_message_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_write.h"

#include <stdio.h>

/* A JWT with a long list of claims stays far below this. */
enum { TOKEN_MAX = 8192 };

void etcd_message_encode_login(struct str username, struct str password, struct buf *out)
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

static int read_token(const json_t *root, struct etcd_message *message)
{
    const json_t *token = json_object_get(root, "token");
    struct str text = {json_string_value(token), json_string_length(token)};
    if (etcd_message_read_header(root, message) < 0 || !json_is_string(token) || !is_token(text)) {
        return -1;
    }
    buf_str(&message->value, text);
    return 0;
}

static bool is_off(const struct etcd_message *message)
{
    static const char words[] = "authentication is not enabled";
    return message->failure == REGISTRY_DENIED &&
           memmem(message->text, strlen(message->text), words, strlen(words)) != NULL;
}

/* A login changes nothing that anybody sees: whatever goes wrong, it can be asked for again. */
void etcd_message_decode_login(int status, struct str body, struct etcd_message *message)
{
    const enum registry_op as_harmless_as = REGISTRY_GET;
    etcd_message_reset(message);
    json_t *root = etcd_json_parse(body);
    if (status != 200 || etcd_error_is(root)) {
        etcd_error_classify(as_harmless_as, status, body, root, message);
        if (is_off(message)) {
            etcd_message_reset(message);
        }
    } else if (root == NULL || read_token(root, message) < 0) {
        etcd_message_reset(message);
        etcd_error_malformed(as_harmless_as, "no token in it", message);
    }
    json_decref(root);
}
