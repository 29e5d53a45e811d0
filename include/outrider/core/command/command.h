/* A command to a game server, and what became of it (docs/design/protocol.md, "Commands to servers").
 *
 *     ──> QUEUED ──the server heard it──> DELIVERED ──its result──> OK
 *            │ └──refused by the agent──────────│───────────────> ERROR
 *            │                                  ├──its result──> ERROR
 *            └──────no answer in time───────────┴──────────────> EXPIRED
 *
 * OK, ERROR and EXPIRED are final: what is written first has decided it, by a compare on the key of the command. */
#ifndef OUTRIDER_CORE_COMMAND_COMMAND_H
#define OUTRIDER_CORE_COMMAND_COMMAND_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/base/ulid.h"

#include <stdbool.h>
#include <stdint.h>

enum command_state {
    COMMAND_QUEUED,
    COMMAND_DELIVERED,
    COMMAND_OK,
    COMMAND_ERROR,
    COMMAND_EXPIRED,
    COMMAND_STATE_COUNT
};

enum {
    COMMAND_NAME_MAX = 64,
    COMMAND_ARGS_MAX = 4096, /* bytes, as all below */
    COMMAND_TEXT_MAX = 4096, /* of a result */
    COMMAND_FROM_MAX = 200,
    COMMAND_TTL_MIN_MS = 1000,
    COMMAND_TTL_MAX_MS = 3600000,
    COMMAND_TTL_MS = 30000,  /* where none is said */
    COMMAND_SKEW_MS = 2000,  /* by which clocks may differ: a command is expired for others so much later */
    COMMAND_LATE_MS = 10000, /* a result given in time is tried to be written so much longer */
    COMMAND_KEEP_MS = 60000, /* what became of it can be read so long after its end, at least */
    COMMAND_INBOX_MAX = 256  /* keys of one inbox: a sender adds none beyond */
};

/* Owns `args` and `text`, NUL-terminated; NULL stands for "". */
struct server_command {
    char id[ULID_LENGTH + 1];
    char name[COMMAND_NAME_MAX + 1];
    char from[COMMAND_FROM_MAX + 1]; /* "op:olga", "world/w1" */
    char *args, *text;               /* text: of the result, or why there is none */
    int64_t at_wall, until_wall;     /* when it was sent; until when it may be answered */
    enum command_state state;
};

/* "queued", "delivered", "ok", "error", "expired". */
const char *command_state_name(enum command_state state);

/* The state of that name. Returns 0, or -1. */
int command_state_parse(struct str name, enum command_state *ret_state) MUST_CHECK;

/* Whether nothing follows. */
bool command_is_final(enum command_state state);

/* Whether a state may follow another. */
bool command_may_move(enum command_state from, enum command_state to);

/* Moves it; `text` is copied, and empty unless the state is ERROR, OK or EXPIRED. */
void command_move(struct server_command *command, enum command_state to, struct str text);

/* Whether it is [a-z0-9_.-]{1,64}. */
bool command_is_name(struct str name);

/* Whether `pattern` is such a name, or one that ends in `*` ("*" alone is one): for status.accept. */
bool command_is_pattern(struct str pattern);

/* Whether one of the patterns takes the name. */
bool command_fits(char *const patterns[], size_t count, struct str name);

/* Whether it is 1 to COMMAND_FROM_MAX printable ASCII characters without blanks: nothing in it ends a word of an event. */
bool command_is_from(struct str from);

/* Writes `from` with each byte that it may not have replaced by `_`, cut to fit; "-" where nothing is left. */
void command_make_from(struct str from, char ret_from[static COMMAND_FROM_MAX + 1]);

/* Whether it is UTF-8 of at most COMMAND_ARGS_MAX bytes without NUL. */
bool command_is_args(struct str args);

/* Whether it is UTF-8 of at most COMMAND_TEXT_MAX bytes without a character that ends a line or acts on a terminal, but TAB. */
bool command_is_text(struct str text);

/* Whether both are what one sender wants: name, arguments, sender and span. */
bool command_is_same(const struct server_command *a, const struct server_command *b);

/* Copies all into `ret_copy`, for command_fini(). */
void command_copy(const struct server_command *command, struct server_command *ret_copy);

/* Frees what it owns; accepts a zeroed one. */
void command_fini(struct server_command *command);

#endif
