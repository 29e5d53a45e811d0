/* What the files of shell/waves share. */
#ifndef OUTRIDER_SHELL_WAVES_WAVES_INTERNAL_H
#define OUTRIDER_SHELL_WAVES_WAVES_INTERNAL_H

#include "outrider/core/leader/election.h"
#include "outrider/shell/waves/waves.h"

/* One key below `drains/`. */
struct waves_operation {
    struct wave wave;
    int64_t revision;
};

/* A transaction with what it borrows. */
struct waves_write {
    uint64_t id; /* of the request; 0: none is under way */
    struct registry_txn *txn;
    struct wave wave;      /* as it is to be */
    struct wave_step step; /* that it is made of */
    struct blob *values[WAVE_ACTIONS_MAX + 1];
    char *keys[WAVE_ACTIONS_MAX + 4];
    size_t value_count, key_count;
};

/* The request of an operator. */
struct waves_ask {
    struct waves_ask *next;
    uint64_t ticket;
    bool creates;
    enum wave_order order;
    char id[ULID_LENGTH + 1];
    unsigned tries;
    struct waves_write write;
};

struct waves {
    struct waves_owner *owner;
    struct waves_settings settings;
    char *drains, *controls_prefix; /* prefixes of keys, with their '/' */
    struct mirror *operations_mirror, *controls_mirror;
    struct queue mirror_effects, election_effects;
    struct election election;
    struct waves_operation *operations; /* in the order of their ids */
    size_t count, capacity, unreadable;
    struct wave_control *controls; /* in the order of their places; each place owns the texts */
    size_t control_count, control_capacity;
    bool follows, stands;
    bool leads;  /* as of the last step */
    size_t next; /* the operation that is stepped first */
    struct waves_write write;
    bool denied; /* the last one: its holds are refused in the next */
    char unsure[ULID_LENGTH +
                1]; /* the operation of a step without an answer, which may come late; "": none */
    struct backoff backoff;
    struct random random;
    int64_t again_mono; /* no transaction before */
    int64_t due_mono;   /* when the next step is due */
    uint64_t last_id;
    struct waves_ask *asks;
    size_t ask_count;
    uint64_t held, lifted, refused;
    bool failing;
};

/* waves_lists.c: follows the mirrors. */
void waves_step_mirror(struct waves *waves, enum waves_client client, struct mirror_event event);
void waves_free_lists(struct waves *waves);
/* What a reply shows of an operation (`place` NULL) or of a control key. */
void waves_learn(struct waves *waves, const char *key, bool is_control, const struct registry_kv *kv,
                 int64_t revision);
struct waves_operation *waves_find_operation(const struct waves *waves, struct str id);

/* waves_write.c: a transaction that makes the operation `wave` what it is there, where it is at `revision` (0: it does not exist),
 * with the holds of write->step. `wave` is moved into it. `locked`: only as long as the lock is held. */
void waves_begin_write(struct waves *waves, struct waves_write *write, struct wave *wave, int64_t revision,
                       bool locked);
/* A key of it, which it owns: PREFIX and `end`. At most WAVE_ACTIONS_MAX + 4 of them. */
struct str waves_keep_key(struct waves_write *write, const char *prefix, const char *end);
void waves_submit_write(struct waves *waves, const struct waves_write *write);
void waves_end_write(struct waves_write *write);
/* Takes over what the reads of the reply show. */
void waves_learn_write(struct waves *waves, const struct waves_write *write,
                       const struct registry_reply *reply);

/* waves_asks.c: a reply to the request of an operator. Returns whether it was one. */
bool waves_reply_ask(struct waves *waves, const struct registry_reply *reply, const struct instant *now);
void waves_free_asks(struct waves *waves);

#endif
