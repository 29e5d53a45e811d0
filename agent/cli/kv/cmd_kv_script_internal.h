/* The lines of `outrider kv txn` (docs/operating.md, "Etcd directly"). */
#ifndef OUTRIDER_CLI_KV_CMD_KV_SCRIPT_INTERNAL_H
#define OUTRIDER_CLI_KV_CMD_KV_SCRIPT_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/queue.h"
#include "outrider/codec/etcd/etcd_request.h"

struct error;

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

#endif
