#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoded.h"

static void encode(const struct registry_request *request, struct etcd_request *ret_encoded, struct buf *out)
{
    struct etcd_request_parts parts;
    etcd_request_of(request, &parts, ret_encoded);
    if (out != NULL) {
        etcd_request_encode(ret_encoded, out);
    }
}

void decoded_read(struct decoded *decoded, enum registry_op op, int64_t lease, int http_status,
                  struct str body)
{
    static const struct registry_txn none;
    struct registry_request request = {.op = op, .lease.lo = (uint64_t)lease, .key = STR("k"), .txn = &none};
    struct etcd_request encoded;
    encode(&request, &encoded, NULL);
    etcd_response_decode(&encoded, op, http_status, body, &decoded->response);
    etcd_response_reply(op, &decoded->response, &decoded->reply);
    assert_int_equal(decoded->reply.failure, decoded->response.status.failure);
}

void decoded_fini(struct decoded *decoded)
{
    etcd_response_fini(&decoded->response);
    *decoded = (struct decoded){0};
}

void expect_encoded(const struct registry_request *request, const char *expected)
{
    struct etcd_request encoded;
    struct buf out = {0};
    buf_str(&out, STR("before")); /* which stays */
    encode(request, &encoded, &out);
    assert_string_equal(buf_text(&out) + strlen("before"), expected);
    buf_fini(&out);
}
