/* What the files of the table share: the index, the wheel, and a session as it is held. */
#ifndef OUTRIDER_CORE_SESSION_SESSION_TABLE_INTERNAL_H
#define OUTRIDER_CORE_SESSION_SESSION_TABLE_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/core/session/session_table.h"

/* ---- index ---- */

/* Things by a hash of 32 bits. Linear probing from the upper bits on: a table that doubles is read and written in order, so that a
 * million are moved in some ms. uthash costs 56 bytes and a chain of cache misses per session and table, has no seed, and moves
 * all elements one cache miss each. */
struct session_index_place {
    void *what; /* NULL: free */
    uint32_t hash;
};

struct session_index {
    struct session_index_place *places;
    uint32_t count;
    unsigned bits; /* 0: there is no place yet */
};

void session_index_fini(struct session_index *index);

/* The same, and frees what was added. */
void session_index_free_all(struct session_index *index);

/* The same hash may be there several times. */
void session_index_add(struct session_index *index, uint32_t hash, void *what);

/* Removes what was added. */
void session_index_remove(struct session_index *index, uint32_t hash, const void *what);

/* What was added is at another address now; `was` is only compared. */
void session_index_moved(struct session_index *index, uint32_t hash, const void *was, void *is);

/* What is of `hash`, one a call; `*at` is UINT32_MAX at first. NULL: no more. */
void *session_index_next(const struct session_index *index, uint32_t hash, uint32_t *at);

/* ---- sessions ---- */

/* A server that has sessions. */
struct session_home {
    struct session_home *gone_before, *gone_after; /* among those with orphaned sessions, by `until` */
    struct session_home *tell_home;                /* the next of those of which there is something to tell */
    int64_t until;                                 /* boot ms: the end of the grace */
    int64_t orphaned_upto;                         /* sessions up to this order are orphaned */
    int64_t tell_after_order, tell_upto;           /* the orders of the sessions to tell of */
    size_t count, orphaned;
    uint32_t first, last; /* of its sessions, in their order; 0: none */
    uint32_t tell_next;   /* the session to tell of next; 0: nothing */
    enum session_event_type tell;
    uint8_t type_size, size;
    char name[]; /* TYPE/ID */
};

/* One session, in one block. Numbers are places in the table, from 1 on. */
struct session_entry {
    struct session_home *home;
    int64_t order;                          /* in its server's list: later ones are larger */
    int64_t created_wall, touched, expires; /* boot ms but the first */
    uint32_t number;
    uint32_t before, after;         /* in the server's list */
    uint32_t due_before, due_after; /* in the bucket of the wheel */
    uint16_t bucket, player_size, data_size;
    uint8_t id_size;
    char text[]; /* id, player, data */
};

/* Pointers by number, from 1 on; numbers are used again. */
struct session_slots {
    void **list; /* of a free one: the next free number */
    uint32_t count, free;
    size_t capacity;
};

enum { WHEEL_LEVELS = 4, WHEEL_BUCKETS = 64, WHEEL_TICK_MS = 128 };

struct session_wheel {
    int64_t tick; /* all before it is done */
    uint64_t filled[WHEEL_LEVELS];
    uint32_t first[WHEEL_LEVELS * WHEEL_BUCKETS];
};

struct session_table {
    struct session_table_settings settings;
    bool listens;
    struct session_table_facts facts;
    struct session_slots sessions;
    struct session_index by_id, by_player, by_home;
    struct session_wheel wheel;
    int64_t last_order, first_order;
    struct session_home *gone_first, *gone_last, *tell_first;
    struct buf scratch; /* texts of the last reply whose session is no more */
    struct session *items;
    size_t item_capacity;
    char cursor[40];
};

/* The session of a number in use; and of any number up to the last one, NULL: it is free. */
struct session_entry *session_table_entry(const struct session_table *table, uint32_t number);
struct session_entry *session_table_place(const struct session_table *table, uint32_t number);

/* ---- wheel (session_wheel.c) ---- */

/* An empty wheel takes the time; another one has its own. To be called before what adds. */
void session_wheel_begin(struct session_table *table, const struct instant *now);

/* Files a session, which is in no bucket, under its end. */
void session_wheel_add(struct session_table *table, struct session_entry *entry);
void session_wheel_remove(struct session_table *table, struct session_entry *entry);

/* A session whose bucket is due at `boot` ms, taken out of it: its end may be later all the same. NULL: none; fewer than `budget`
 * are moved on the way, and counted off. */
struct session_entry *session_wheel_take(struct session_table *table, int64_t boot, size_t *budget);

/* When the next bucket is due, boot ms; NEVER_MS. */
int64_t session_wheel_due(const struct session_table *table);

/* ---- sessions (session_entries.c) ---- */

struct session_entry *session_entry_by_id(const struct session_table *table, struct str id);
struct session_entry *session_entry_by_player(const struct session_table *table, struct str player,
                                              struct str type);

/* The sessions of `player`, SESSION_TYPES_MAX at most. Returns how many. */
size_t session_entries_of_player(const struct session_table *table, struct str player,
                                 struct session_entry *ret_entries[static SESSION_TYPES_MAX]);

struct session_home *session_home_find(const struct session_table *table, struct str server);

/* Makes a session; its texts are copied. */
struct session_entry *session_entry_add(struct session_table *table, const struct session *session);

/* The entry with other data; it may be another block. */
struct session_entry *session_entry_set_data(struct session_table *table, struct session_entry *entry,
                                             struct str data);

/* To the end of the list of `server`, which may be the one where it is; with `front` to its begin. */
void session_entry_move(struct session_table *table, struct session_entry *entry, struct str server,
                        bool front);

void session_entry_remove(struct session_table *table, struct session_entry *entry);

bool session_entry_is_orphaned(const struct session_entry *entry);

/* When it ends, boot ms. */
int64_t session_entry_ends(const struct session_entry *entry);

/* As clients see it; borrowed from the entry. */
struct session session_entry_view(const struct session_entry *entry, const struct instant *now);

/* The sessions of a server are orphaned until `until`, boot ms, which an earlier end wins over; or no more. Returns how many
 * changed state. */
size_t session_home_orphan(struct session_table *table, struct session_home *home, int64_t until);
size_t session_home_restore(struct session_table *table, struct session_home *home);

/* Makes an active session one of the orphaned of its server, which end at `until`. */
void session_entry_orphan(struct session_table *table, struct session_entry *entry, int64_t until);

/* The server of which there is something to tell, and the session, which is then told of. False: there is nothing. */
bool session_home_tell(struct session_table *table, struct session_entry **ret_entry,
                       enum session_event_type *ret_type);

/* ---- requests (session_table.c) ---- */

/* Ends the session and tells it. */
void session_table_end(struct session_table *table, struct session_entry *entry, enum session_why why,
                       const struct instant *now, struct queue *events);

/* Copies the event for listeners, if there are any. */
void session_table_tell(const struct session_table *table, enum session_event_type type,
                        const struct session *session, struct str from, enum session_why why,
                        struct queue *events);

/* One page (session_list.c). */
void session_table_list(struct session_table *table, const struct session_request *request,
                        const struct instant *now, struct session_reply *reply);

#endif
