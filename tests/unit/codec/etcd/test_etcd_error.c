/* One row per line of the error table in etcd-gateway.md section 4, in the bytes of both gateway generations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoded.h"
#include "outrider/base/attr.h"

#define V1(code, message) "{\"error\":\"" message "\",\"message\":\"" message "\",\"code\":" #code "}"
#define V2(code, message) "{\"code\":" #code ", \"message\":\"" message "\"}"
#define STREAM1(code, http, message, status)                                                                 \
    "{\"error\":{\"grpc_code\":" #code ",\"http_code\":" #http ",\"message\":\"" message                     \
    "\",\"http_status\":\"" status "\"}}"
#define STREAM2(code, message) "{\"error\":{\"code\":" #code ",\"message\":\"" message "\"}}\n"

struct row {
    enum registry_op op;
    int status;
    const char *body;
    enum registry_failure failure;
    bool elsewhere;
    const char *text; /* NULL: not looked at */
};

static const struct row rows[] = {
    {REGISTRY_PUT, 404, V1(5, "etcdserver: requested lease not found"), REGISTRY_LEASE_LOST, false,
     "etcdserver: requested lease not found"},
    {REGISTRY_PUT, 404, V2(5, "etcdserver: requested lease not found"), REGISTRY_LEASE_LOST, false,
     "etcdserver: requested lease not found"},
    {REGISTRY_REVOKE, 404, V1(5, "etcdserver: requested lease not found"), REGISTRY_OK, false, ""},
    {REGISTRY_REVOKE, 404, V2(5, "etcdserver: requested lease not found"), REGISTRY_OK, false, ""},
    {REGISTRY_GRANT, 412, V1(9, "etcdserver: lease already exists"), REGISTRY_LEASE_EXISTS, false, NULL},
    {REGISTRY_GRANT, 400, V2(9, "etcdserver: lease already exists"), REGISTRY_LEASE_EXISTS, false, NULL},
    {REGISTRY_GET, 400, V1(3, "etcdserver: key is not provided"), REGISTRY_REFUSED, false, NULL},
    {REGISTRY_GET, 400, V1(3, "illegal base64 data at input byte 0"), REGISTRY_REFUSED, false, NULL},
    {REGISTRY_GET, 400, V2(3, "proto:\xc2\xa0(line 1:8): invalid value for bytes field key: \\\"foo!\\\""),
     REGISTRY_REFUSED, false, "proto:\xc2\xa0(line 1:8): invalid value for bytes field key: \"foo!\""},
    {REGISTRY_PUT, 400, V1(3, "etcdserver: duplicate key given in txn request"), REGISTRY_REFUSED, false,
     NULL},
    {REGISTRY_PUT, 400, V2(3, "etcdserver: too many operations in txn request"), REGISTRY_REFUSED, false,
     NULL},
    {REGISTRY_PUT, 400, V1(3, "etcdserver: request is too large"), REGISTRY_REFUSED, false, NULL},
    {REGISTRY_PUT, 429, V2(8, "grpc: received message larger than max (2621450 vs. 2097152)"),
     REGISTRY_REFUSED, false, NULL},
    {REGISTRY_GRANT, 400, V2(11, "etcdserver: too large lease TTL"), REGISTRY_REFUSED, false, NULL},
    {REGISTRY_GET, 400, V2(11, "etcdserver: mvcc: required revision has been compacted"), REGISTRY_REFUSED,
     false, NULL},
    {REGISTRY_GET, 400, V1(11, "etcdserver: mvcc: required revision is a future revision"), REGISTRY_REFUSED,
     false, NULL},
    {REGISTRY_GRANT, 429, V1(8, "etcdserver: mvcc: database space exceeded"), REGISTRY_OVERLOADED, false,
     NULL},
    {REGISTRY_PUT, 429, V2(8, "etcdserver: too many requests"), REGISTRY_OVERLOADED, true, NULL},
    {REGISTRY_PUT, 503, V1(14, "etcdserver: no leader"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_PUT, 503, V2(14, "etcdserver: no leader"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_PUT, 503, V2(14, "etcdserver: rpc not supported for learner"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_PUT, 503, V2(14, "etcdserver: not capable"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_KEEPALIVE, 503, STREAM1(14, 503, "etcdserver: no leader", "Service Unavailable"),
     REGISTRY_RETRY, true, "etcdserver: no leader"},
    {REGISTRY_KEEPALIVE, 503, STREAM2(14, "etcdserver: no leader"), REGISTRY_RETRY, true,
     "etcdserver: no leader"},
    {REGISTRY_PUT, 503, V1(14, "etcdserver: request timed out, possibly due to previous leader failure"),
     REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 503, V2(14, "etcdserver: request timed out"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_GET, 503, V2(14, "etcdserver: request timed out"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_PUT, 500, V1(2, "context deadline exceeded"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 504, V2(4, "context deadline exceeded"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_GRANT, 504, V1(4, "context deadline exceeded"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_LEASE_TTL, 504, V2(4, "context deadline exceeded"), REGISTRY_RETRY, true, NULL},
    {REGISTRY_DELETE, 503, V2(14, "etcdserver: leader changed"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_DELETE, 503, V2(14, "etcdserver: server stopped"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 503, V1(14, "transport is closing"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 503, V2(14, "error reading from server: EOF"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_KEEPALIVE, 200, STREAM1(14, 503, "transport is closing", "Service Unavailable"),
     REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_KEEPALIVE, 200, STREAM2(14, "error reading from server: EOF"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_KEEPALIVE, 200, STREAM1(1, 408, "context canceled", "Request Timeout"), REGISTRY_UNKNOWN, true,
     NULL},
    {REGISTRY_PUT, 400, V1(3, "etcdserver: user name is empty"), REGISTRY_DENIED, false,
     "etcdserver: user name is empty: etcd has authentication on: set registry.username and "
     "registry.password_file"},
    {REGISTRY_GET, 400, V2(3, "etcdserver: user name is empty"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 401, V1(16, "etcdserver: invalid auth token"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_GRANT, 401, V2(16, "etcdserver: invalid auth token"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_KEEPALIVE, 401, STREAM1(16, 401, "etcdserver: invalid auth token", "Unauthorized"),
     REGISTRY_DENIED, false, NULL},
    {REGISTRY_KEEPALIVE, 401, STREAM2(16, "etcdserver: invalid auth token"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 400, V1(3, "etcdserver: revision of auth store is old"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 400, V2(3, "etcdserver: revision of auth store is old"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 400, V1(3, "etcdserver: authentication failed, invalid user ID or password"),
     REGISTRY_DENIED, false,
     "etcdserver: authentication failed, invalid user ID or password: check registry.username and the "
     "password in registry.password_file"},
    {REGISTRY_PUT, 403, V2(7, "etcdserver: permission denied"), REGISTRY_DENIED, false,
     "etcdserver: permission denied: registry.username has no role that allows it (docs/etcd-roles)"},
    {REGISTRY_PUT, 412, V1(9, "etcdserver: authentication is not enabled"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_GET, 400,
     "CommonName of client sending a request against gateway will be ignored and not used as expected\n",
     REGISTRY_DENIED, false,
     "the client certificate has a CommonName, which etcd's gateway refuses with authentication on: set "
     "registry.tls.cert_file to one without it"},
    {REGISTRY_PUT, 503, V1(14, "connection closed"), REGISTRY_UNKNOWN, true,
     "connection closed: etcd's gateway cannot connect to its own etcd; over TLS, etcd's certificate "
     "(--cert-file) needs the usage clientAuth beside serverAuth"},
    /* The same, where the gateway's connection is reset before it has written. */
    {REGISTRY_PUT, 503, V1(14, "transport: failed to write client preface"), REGISTRY_UNKNOWN, true,
     "transport: failed to write client preface: etcd's gateway cannot connect to its own etcd; over TLS, "
     "etcd's "
     "certificate (--cert-file) needs the usage clientAuth beside serverAuth"},
    {REGISTRY_PUT, 500, V1(2, "etcdserver: user name is empty"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 500, V1(2, "etcdserver: requested lease not found"), REGISTRY_LEASE_LOST, false, NULL},
    {REGISTRY_PUT, 500, V1(2, "etcdserver: permission denied"), REGISTRY_DENIED, false, NULL},
    {REGISTRY_PUT, 500, V2(2, "etcdserver: request timed out"), REGISTRY_UNKNOWN, true, NULL},
    /* by code alone */
    {REGISTRY_GET, 501, V2(12, "Method Not Allowed"), REGISTRY_REFUSED, true, NULL},
    {REGISTRY_GET, 404, V2(5, "Not Found"), REGISTRY_REFUSED, true,
     "Not Found: no such path; is it etcd 3.4 or later with its JSON gateway on?"},
    {REGISTRY_GET, 400, V2(9, "something new"), REGISTRY_RETRY, false, NULL},
    {REGISTRY_GET, 400, V2(11, "something new"), REGISTRY_REFUSED, false, NULL},
    {REGISTRY_PUT, 500, V2(13, "something new"), REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 400, "{\"code\":\"7\",\"message\":\"x\"}", REGISTRY_DENIED, false, "x"},
    {REGISTRY_PUT, 403, "{\"code\":{},\"message\":[]}", REGISTRY_DENIED, true, "HTTP status 403"},
    {REGISTRY_PUT, 503, "{\"error\":\"only error\",\"code\":14}", REGISTRY_UNKNOWN, true, "only error"},
    /* by HTTP status alone */
    {REGISTRY_GET, 404, "Not Found\n", REGISTRY_REFUSED, true, "HTTP 404, not JSON: is it etcd?"},
    {REGISTRY_PUT, 501, "Unsupported method ('POST')", REGISTRY_UNKNOWN, true,
     "HTTP 501, not JSON: is it etcd?"},
    {REGISTRY_GET, 400, "[\"user name is empty\"]", REGISTRY_REFUSED, true, "HTTP status 400"},
    {REGISTRY_GET, 405, "Method Not Allowed\n", REGISTRY_REFUSED, true, NULL},
    {REGISTRY_GET, 301, "", REGISTRY_REFUSED, true, "HTTP 301, empty: is it etcd?"},
    {REGISTRY_GET, 421, "misdirected\r\nrequest", REGISTRY_REFUSED, true, "HTTP 421, not JSON: is it etcd?"},
    {REGISTRY_GET, 421, "{\"message\":\"misdirected\\r\\nrequest\\u007f\"}", REGISTRY_REFUSED, true,
     "misdirected  request?"},
    {REGISTRY_PUT, 401, "", REGISTRY_DENIED, true, NULL},
    {REGISTRY_PUT, 403, "<html>", REGISTRY_DENIED, true, NULL},
    {REGISTRY_PUT, 408, "", REGISTRY_UNKNOWN, true, NULL},
    {REGISTRY_PUT, 429, "slow down", REGISTRY_OVERLOADED, true, NULL},
    {REGISTRY_PUT, 502, "<html>", REGISTRY_UNKNOWN, true, "HTTP 502, not JSON: is it etcd?"},
    {REGISTRY_GET, 503, "\xff\x01", REGISTRY_RETRY, true, "HTTP 503, not JSON: is it etcd?"},
    {REGISTRY_PUT, 204, "", REGISTRY_UNKNOWN, true, "HTTP 204, empty: is it etcd?"},
};

/* The three ways in which etcd asks for another token (docs/design/etcd-gateway.md, "Authentication"). */
static bool says_token(const char *body)
{
    return body[0] == '{' &&
           (strstr(body, "user name is empty") != NULL || strstr(body, "invalid auth token") != NULL ||
            strstr(body, "revision of auth store is old") != NULL);
}

static void the_error_table(void **state)
{
    (void)state;
    struct decoded decoded = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        print_message("%s %d %s\n", registry_op_name(row->op), row->status, row->body);
        decoded_read(&decoded, row->op, 4660, row->status, str_of(row->body));
        assert_int_equal(decoded.response.status.failure, row->failure);
        assert_int_equal(decoded.response.status.elsewhere, row->elsewhere);
        bool token = says_token(row->body) || row->status == 401;
        assert_int_equal(decoded.response.status.token_refused, token);
        assert_int_equal(decoded.response.status.text[0] == '\0', row->failure == REGISTRY_OK);
        if (row->text != NULL) {
            assert_string_equal(decoded.response.status.text, row->text);
        }
    }
    decoded_fini(&decoded);
}

static void add_long_message(struct buf *body, const char *first)
{
    buf_printf(body, "{\"message\":\"%s", first);
    for (int i = 0; i < 400; i++) {
        buf_str(body, STR("\xc3\xa4"));
    }
    buf_str(body, STR("\"}"));
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct buf body = {0};
    add_long_message(&body, "x");
    struct decoded decoded = {0};
    decoded_read(&decoded, REGISTRY_GET, 0, 500, buf_view(&body));
    assert_int_equal(strlen(decoded.response.status.text), ETCD_STATUS_TEXT_MAX - 2);
    assert_true(str_is_utf8(str_of(decoded.response.status.text)));
    buf_clear(&body);
    add_long_message(&body, "xx");
    decoded_read(&decoded, REGISTRY_GET, 0, 500, buf_view(&body));
    const char *text = decoded.response.status.text;
    assert_int_equal(strlen(text), ETCD_STATUS_TEXT_MAX - 1);
    assert_string_equal(text + strlen(text) - 5, "\xc3\xa4...");
    decoded_fini(&decoded);
    buf_fini(&body);
}

/* etcd decides how long its text is. */
static void advice_has_no_byte_beyond_a_long_text(void **state)
{
    (void)state;
    struct decoded decoded = {0};
    for (int more = ETCD_STATUS_TEXT_MAX - 30; more < ETCD_STATUS_TEXT_MAX + 5; more++) {
        struct buf body = {0};
        buf_printf(&body, "{\"message\":\"permission denied %0*d\"}", more, 0);
        decoded_read(&decoded, REGISTRY_PUT, 0, 403, buf_view(&body));
        const struct etcd_status *status = &decoded.response.status;
        assert_non_null(memchr(status->text, '\0', sizeof(status->text)));
        assert_int_equal(status->revision, 0);
        buf_fini(&body);
    }
    decoded_fini(&decoded);
}

static void names_are_fixed(void **state)
{
    (void)state;
    static const char *const ops[] = {"grant",  "keepalive", "revoke", "lease_ttl", "get", "put",
                                      "delete", "list",      "prove",  "compare",   "txn", "unknown"};
    static const char *const failures[] = {"ok",         "retry",  "unknown", "lease_lost", "lease_exists",
                                           "overloaded", "denied", "refused", "invalid"};
    for (int i = 0; i <= REGISTRY_OP_COUNT; i++) {
        assert_string_equal(registry_op_name((enum registry_op)i), ops[i]);
    }
    for (int i = 0; i <= REGISTRY_FAILURE_COUNT; i++) {
        assert_string_equal(registry_failure_name((enum registry_failure)i), failures[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_table),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(advice_has_no_byte_beyond_a_long_text),
        cmocka_unit_test(names_are_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
