#include "outrider/codec/access/cookie.h"

#include "hex_internal.h"
#include "outrider/base/buf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_SIZE = 32, KEY_SIZE = 8, VALUE_MAX = 512 };

static void make_mac(struct str name, struct str text, struct str key, unsigned char ret_mac[static MAC_SIZE])
{
    struct buf message = {0};
    unsigned size = 0;
    buf_printf(&message, "%.*s=%.*s", STR_ARG(name), STR_ARG(text));
    if (HMAC(EVP_sha256(), key.data, (int)key.size, (const unsigned char *)message.data, message.size,
             ret_mac, &size) == NULL) {
        abort(); /* what is left to fail is the memory of the library */
    }
    buf_fini(&message);
}

void cookie_write(const struct access_session *session, struct str name, struct str key, struct buf *out)
{
    size_t begin = out->size;
    unsigned char mac[MAC_SIZE];
    buf_printf(out, "1.");
    hex_write(str_of(session->name), out);
    buf_printf(out, ".%" PRId64 ".%" PRId64 ".%016" PRIx64, session->issued_wall, session->expires_wall,
               session->key);
    make_mac(name, (struct str){buf_text(out) + begin, out->size - begin}, key, mac);
    buf_printf(out, ".");
    hex_write((struct str){(const char *)mac, sizeof(mac)}, out);
}

/* ---- reading ---- */

static int read_name(struct str hex, struct access_session *session)
{
    size_t size = hex.size / 2;
    return size > ACCESS_NAME_MAX ? -1 : hex_read(hex, session->name, size);
}

static int read_time(struct str text, int64_t *ret_wall)
{
    uint64_t value;
    if (str_to_u64(text, INT64_MAX / 2, &value) < 0) {
        return -1;
    }
    *ret_wall = (int64_t)value;
    return 0;
}

static int read_key(struct str hex, struct access_session *session)
{
    unsigned char bytes[KEY_SIZE];
    if (hex_read(hex, bytes, sizeof(bytes)) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        session->key = session->key << 8 | bytes[i];
    }
    return 0;
}

/* The parts of a text whose MAC is right: so another program with the same key has written it, or this one. */
static int read_parts(struct str text, struct access_session *ret_session)
{
    struct access_session session = {0};
    struct str version = str_split(text, '.', &text), name = str_split(text, '.', &text);
    struct str issued = str_split(text, '.', &text), expires = str_split(text, '.', &text);
    if (!str_eq(version, STR("1")) || read_name(name, &session) < 0 ||
        read_time(issued, &session.issued_wall) < 0 || read_time(expires, &session.expires_wall) < 0 ||
        read_key(text, &session) < 0) {
        return -1;
    }
    *ret_session = session;
    return 0;
}

int cookie_read(struct str value, struct str name, struct str key, struct access_session *ret_session)
{
    unsigned char given[MAC_SIZE], right[MAC_SIZE];
    const char *dot = value.size == 0 || value.size > VALUE_MAX ? NULL : memrchr(value.data, '.', value.size);
    if (dot == NULL) {
        return -1;
    }
    struct str text = {value.data, (size_t)(dot - value.data)};
    if (hex_read((struct str){dot + 1, value.size - text.size - 1}, given, sizeof(given)) < 0) {
        return -1;
    }
    make_mac(name, text, key, right);
    return CRYPTO_memcmp(given, right, sizeof(right)) != 0 ? -1 : read_parts(text, ret_session);
}

bool cookie_next(struct str *rest, struct str name, struct str *ret_value)
{
    while (rest->size > 0) {
        struct str value;
        struct str each = str_trim(str_split(*rest, ';', rest));
        if (str_eq(str_split(each, '=', &value), name)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}
