/* What the commands `outrider kv ...` share. Each is a row of the table in cmd_kv.c. kv_run.c reads the command line, opens
 * etcd for the row, and closes it. */
#ifndef OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H
#define OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H

#include "cmd_kv_script_internal.h"
#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/etcd_access.h"
#include "outrider/codec/etcd/etcd_response.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/registry/etcd/etcd.h"
#include "outrider/registry/etcd/etcd_client.h"

struct kv;

/* The commands as bits, for the options that each takes. */
enum {
    KV_GET = 1 << 0,
    KV_PUT = 1 << 1,
    KV_DEL = 1 << 2,
    KV_TXN = 1 << 3,
    KV_WATCH = 1 << 4,
    KV_GRANT = 1 << 5,
    KV_REVOKE = 1 << 6,
    KV_TIME_TO_LIVE = 1 << 7,
    KV_KEEP_ALIVE = 1 << 8,
    KV_LIST = 1 << 9,
    KV_LEASE = KV_GRANT | KV_REVOKE | KV_TIME_TO_LIVE | KV_KEEP_ALIVE | KV_LIST,
    KV_RANGE = KV_GET | KV_DEL | KV_WATCH,
    KV_ALL = KV_RANGE | KV_PUT | KV_TXN | KV_LEASE
};

/* As on the command line; NULL or false: not given. */
struct kv_options {
    const char *config, *limit, *revision, *lease;
    bool json, prefix, from_key, keys_only, count_only, values_only, previous, lease_keys, once;
};

/* One command; or a name with commands below it, which has no functions. */
struct kv_row {
    struct command about; /* `run` is unused */
    struct {
        unsigned bits;
        size_t words_min, words_max;
        struct etcd_request request;
    };
    /* Each returns the exit status. */
    struct {
        int (*prepare)(struct kv *kv); /* completes kv->request; prints what is wrong with the words */
        int (*print)(struct kv *kv, const struct etcd_response *answer); /* one that is no failure */
        int (*run)(struct kv *kv);                                       /* asks etcd, which is open */
    };
};

/* A command that runs. */
struct kv {
    const struct kv_row *row;
    const struct command *command;
    struct cli_args words; /* behind the name of the command */
    struct kv_options options;
    struct etcd_request request;
    struct buf bytes;        /* what `request` points to */
    struct kv_script script; /* txn: likewise */
    struct buf document;     /* what --json prints */
    struct json_writer json; /* writes to it */
    struct config *config;   /* etcd, with its endpoints, login and TLS */
    struct etcd_access access;
    struct etcd *etcd;
    bool answered;
    bool muted;     /* failures that another try may mend are not printed again */
    int status;     /* exit status that the reply means */
    int64_t ttl_ms; /* as last answered for a lease */
    struct {
        int64_t left, revision, count; /* keys still wanted; of the first page */
        size_t seen;
        bool more;
        struct buf next; /* key that the next page begins with */
    } pages;             /* get */
};

/* Runs the command of `table` that the words name. Options may stand anywhere before a `--`. `command` is `outrider kv`. */
int kv_run(const struct command *command, const struct kv_row *table, size_t count, struct cli_args args);

/* Sends kv->request and waits. Returns what row->print returns for the reply; or the exit status, with the reason
 * printed: EX_TEMPFAIL where another try may help. */
int kv_ask(struct kv *kv) MUST_CHECK;

/* Prints what failed and what to do; returns the exit status. */
int kv_fail(enum registry_failure failure, struct str error);

/* Sets key and end of kv->request.op from the words KEY [END] and the options. Returns 0, or EX_USAGE, with the reason
 * printed. */
int kv_take_range(struct kv *kv) MUST_CHECK;

/* Reads the value of an option, NULL: not given, as a number above 0. Returns as kv_take_range. */
int kv_take_number(struct kv *kv, const char *option, const char *text, int64_t *ret_value) MUST_CHECK;

/* Reads all of the standard input into kv->bytes. Returns 0; or the exit status, with the reason printed, when it is more
 * than etcd takes or cannot be read. */
int kv_read_stdin(struct kv *kv) MUST_CHECK;

/* A lease id as etcdctl writes it: hexadecimal, without 0x. */
int kv_lease_parse(const char *text, int64_t *ret_lease) MUST_CHECK;

/* ---- printing ---- */

/* Bytes and LF, as they are. */
void kv_print_line(struct str bytes);

/* One key with its value and, in JSON, its revisions. */
void kv_print(struct kv *kv, const struct etcd_kv *found);

/* The result of one operation. */
void kv_print_result(struct kv *kv, const struct etcd_response *answer, const struct etcd_result *result);

/* Key or value as a member of a JSON object: bytes that are not text are base64, as keyBase64 and valueBase64. */
void kv_json_bytes(struct json_writer *json, const char *name, struct str bytes);

/* A lease id; as the member `name`, or as an element. */
void kv_json_lease(struct json_writer *json, const char *name, int64_t lease);

/* Ends the object that is kv->document, prints it with LF and empties it. */
void kv_print_document(struct kv *kv);

/* Flushes the output. Returns whether it still has a reader. */
bool kv_flush(void);

/* ---- the commands ---- */

int kv_prepare_get(struct kv *kv);
int kv_print_page(struct kv *kv, const struct etcd_response *answer);
int kv_run_get(struct kv *kv);
int kv_prepare_put(struct kv *kv);
int kv_prepare_del(struct kv *kv);
int kv_print_change(struct kv *kv, const struct etcd_response *answer);
int kv_prepare_txn(struct kv *kv);
int kv_print_txn(struct kv *kv, const struct etcd_response *answer);
int kv_prepare_watch(struct kv *kv);
int kv_run_watch(struct kv *kv);
int kv_prepare_grant(struct kv *kv);
int kv_prepare_lease(struct kv *kv);
int kv_print_lease(struct kv *kv, const struct etcd_response *answer);
int kv_run_keep_alive(struct kv *kv);

#endif
