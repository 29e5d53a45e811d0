/* What the commands `outrider kv ...` share. cmd_kv.c has a row for each, for which it opens and closes the registry. */
#ifndef OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H
#define OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/queue.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/codec/etcd/etcd_request.h"
#include "outrider/codec/etcd/etcd_response.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/registry/etcd/etcd.h"
#include "outrider/registry/etcd/etcd_client.h"

struct error;
struct kv;

/* ---- the lines of txn (docs/operating.md, "The registry by hand") ---- */

/* etcd takes 128 operations unless configured otherwise (--max-txn-ops). */
enum { KV_SCRIPT_LINES_MAX = 4096 };

/* A transaction and what its operations point to; {0} is none. */
struct kv_script {
    struct etcd_txn txn;
    struct etcd_compare *compares;
    struct etcd_op *then, *otherwise;
    struct queue arena;
};

/* Reads the lines of `text` into `script`, which is empty and of which the caller frees what is there also
 * after an error. Returns 0; or -1 with `err` set, which names the line. */
int kv_script_parse(struct kv_script *script, struct str text, struct error *err) MUST_CHECK;

/* Accepts a zeroed one. */
void kv_script_fini(struct kv_script *script);

/* ---- a command ---- */

/* What one command does. Each function returns the exit status. */
struct kv_row {
    unsigned bits; /* CLI_KV_* or CLI_LEASE_* */
    struct etcd_request request;
    int (*prepare)(struct kv *kv); /* completes kv->request; prints what is wrong with the words */
    int (*print)(struct kv *kv, const struct etcd_response *answer); /* to a request that did not fail */
    int (*run)(struct kv *kv);                                       /* asks the registry, which is open */
};

/* A command that runs. */
struct kv {
    const struct kv_row *row;
    const struct command *command;
    struct cli_args words;
    const struct cli_given *given;
    struct etcd_request request;
    struct buf bytes;        /* what `request` points to */
    struct kv_script script; /* txn: likewise */
    struct buf document;     /* what --json prints */
    struct json_writer json; /* writes to it */
    struct config *config;   /* the registry, with its endpoints, login and TLS */
    struct registry_access access;
    struct registry *registry;
    struct etcd *etcd; /* the registry, where it is etcd; else NULL */
    bool escapes;      /* the output is a terminal, which would interpret control characters */
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

/* Sends kv->request and waits. Returns what row->print returns for the reply; or the exit status, with the reason
 * printed: EX_TEMPFAIL where another try may help. */
int kv_ask(struct kv *kv) MUST_CHECK;

/* What kv_ask does where the registry is not etcd. */
int kv_ask_registry(struct kv *kv, int64_t timeout_ms) MUST_CHECK;

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

/* Bytes and LF, as they are; on a terminal with escapes (printable_escape), unless --raw is given. `lines`: LF and TAB within
 * them stay. */
void kv_print_line(const struct kv *kv, struct str bytes, bool lines);

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
int kv_run_keep(struct kv *kv);
int kv_prepare_lock(struct kv *kv);
int kv_run_lock(struct kv *kv);

#endif
