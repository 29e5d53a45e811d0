/* A change of reservations as a transaction of the registry, and its reply as the answer. */
#ifndef OUTRIDER_SHELL_ROUTER_SEATS_TXN_INTERNAL_H
#define OUTRIDER_SHELL_ROUTER_SEATS_TXN_INTERNAL_H

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/core/seats/change.h"

/* Keys and values of one transaction: what `txn` points to. */
struct seats_txn {
    struct registry_txn txn;
    struct buf keys;
    struct str of_key, former_key; /* of the lists; former: empty where there is none */
    struct blob *of, *former;      /* what they get; NULL: nothing, the key is deleted */
    struct blob *id;               /* what the key of the id gets; NULL: likewise */
    bool reads, reads_record, reads_id;
};

/* Writes the transaction of `change`, of a server or an id of `type`. `prefix` is that of the records. */
void seats_txn_make(struct seats_txn *txn, const char *prefix, const char *control_prefix, struct str type,
                    const struct seats_change *change);

/* Frees what it holds. */
void seats_txn_fini(struct seats_txn *txn);

/* Reads a reply to it; the answer is ended with reservations_fini(&ret_answer->list). */
void seats_txn_answer(const struct seats_txn *txn, const struct registry_reply *reply,
                      struct seats_reply *ret_answer);

#endif
