/* A session store under test and a way to ask it one thing at a time, the same for every store. */
#ifndef OUTRIDER_TESTS_CONTRACT_SESSION_SUBJECT_H
#define OUTRIDER_TESTS_CONTRACT_SESSION_SUBJECT_H

#include "outrider/base/buf.h"
#include "outrider/core/instant.h"
#include "outrider/session/store.h"

struct loop;
struct session_subject;
struct timer;

/* A kind of store. A new one adds a row to session_kinds in session_subject.c, and its name to CMakeLists.txt. */
struct session_kind {
    const char *name;
    /* Opens the store, empty but for `again`: then with what the one before had. `max` sessions, where it has a limit. */
    struct session_store *(*open)(struct session_subject *subject, size_t max, bool again);
    /* Lets `ms` pass; what it ends is told by then. NULL: the loop runs for so long. */
    void (*pass)(struct session_subject *subject, int64_t ms);
    void (*close)(struct session_subject *subject); /* of what open made beside the store; NULL: nothing */
};

enum { SESSION_SUBJECT_EVENTS = 400 };

struct session_subject {
    const struct session_kind *kind;
    struct loop *loop;
    struct session_store *store;
    struct session_client *client;
    struct timer *pause;
    bool paused, submitting;
    uint64_t last_id;
    size_t answers;             /* in all */
    struct session_reply reply; /* the last one; its texts live in the buffer */
    struct session listed[SESSION_PAGE_MAX];
    struct buf texts[2]; /* of the last reply and the one before */
    struct session_event events[SESSION_SUBJECT_EVENTS];
    struct buf *event_texts[SESSION_SUBJECT_EVENTS];
    size_t event_count;
    int64_t offset_ms; /* of a clock that the test moves */
    char dir[64];      /* of a store that is kept; "": none */
    void *own;         /* of the kind */
};

/* Reads the name of a kind from the command line of a suite. False: there is none of that name, and the usage is printed. */
bool session_subject_chosen(int argc, char **argv);

/* Setup and teardown of a test: `*state` is a subject with a store of the kind chosen, of a million sessions at most. It listens. */
int session_subject_set_up(void **state);
int session_subject_tear_down(void **state);

/* Closes the store and opens it again: empty with `max` sessions at most, or with what it had. */
void session_subject_reopen(struct session_subject *subject, size_t max, bool again);

/* The test ends here, skipped, where the store does not promise this. */
void session_subject_need(const struct session_subject *subject, enum session_capability capability);

/* Starts `request` with an id of its own, and 5 s. */
void session_subject_submit(struct session_subject *subject, struct session_request request);

/* Runs the loop until there were `answers` replies in all. */
void session_subject_run_until(struct session_subject *subject, size_t answers);

/* Submits, waits, and checks that the answer belongs to the request. */
const struct session_reply *session_subject_ask(struct session_subject *subject,
                                                struct session_request request);

/* Asks and insists on success. */
const struct session_reply *session_subject_do(struct session_subject *subject,
                                               struct session_request request);

/* Lets `ms` pass, and a little. */
void session_subject_pass(struct session_subject *subject, int64_t ms);

/* Runs the loop until there were `count` events, and forgets them: they stay in `events` until the next one. */
void session_subject_events(struct session_subject *subject, size_t count);

/* A put of a session that ends in an hour. */
struct session_request session_put_of(const char *id, const char *player, const char *server);

/* ---- what the suites say often ---- */

enum { SESSION_HOUR_MS = 3600000 };

/* Ask and insist on success. A touch is by an hour, an end because it was deleted; sweep is SESSION_ORPHAN or SESSION_RESTORE, and
 * returns how many changed. */
const struct session_reply *put(struct session_subject *s, const char *id, const char *player,
                                const char *server);
const struct session_reply *by_id(struct session_subject *s, enum session_op op, const char *id);
bool is_there(struct session_subject *s, const char *id);
const struct session_reply *find(struct session_subject *s, const char *player, const char *type);
size_t sweep(struct session_subject *s, enum session_op op, const char *server, int64_t ms);

void is(struct str text, const char *wanted);

/* Event `at` of those that session_subject_events found. */
void event_is(const struct session_subject *s, size_t at, enum session_event_type type, const char *id);
void ended(const struct session_subject *s, size_t at, const char *id, enum session_why why);

#endif
