/* Level 0 has a bucket for each tick to come, the next one a bucket for each 64 ticks, and so on. A bucket of a higher level is
 * filed again when the first of its ticks comes. A bucket may be emptied over several calls: the wheel stands meanwhile. */
#include "session_table_internal.h"

enum { LEVEL_BITS = 6 };

void session_wheel_begin(struct session_table *table, const struct instant *now)
{
    if (table->facts.count == 0) {
        table->wheel.tick = now->boot / WHEEL_TICK_MS;
    }
}

static uint32_t *bucket_of(struct session_table *table, const struct session_entry *entry)
{
    return &table->wheel.first[entry->bucket];
}

static void link_in(struct session_table *table, struct session_entry *entry, int level, int64_t window)
{
    unsigned place = (unsigned)(window & (WHEEL_BUCKETS - 1));
    entry->bucket = (uint16_t)((unsigned)level * WHEEL_BUCKETS + place);
    uint32_t *first = bucket_of(table, entry);
    entry->due_before = 0;
    entry->due_after = *first;
    if (*first != 0) {
        session_table_entry(table, *first)->due_before = entry->number;
    }
    *first = entry->number;
    table->wheel.filled[level] |= UINT64_C(1) << place;
}

void session_wheel_add(struct session_table *table, struct session_entry *entry)
{
    const struct session_wheel *wheel = &table->wheel;
    int64_t tick = (entry->expires + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
    tick = tick <= wheel->tick ? wheel->tick + 1 : tick;
    int level = 0;
    while (level < WHEEL_LEVELS - 1 &&
           (tick >> (level * LEVEL_BITS)) - (wheel->tick >> (level * LEVEL_BITS)) >= WHEEL_BUCKETS) {
        level++;
    }
    int64_t window = tick >> (level * LEVEL_BITS),
            furthest = (wheel->tick >> (level * LEVEL_BITS)) + WHEEL_BUCKETS - 1;
    link_in(table, entry, level, window < furthest ? window : furthest);
}

void session_wheel_remove(struct session_table *table, struct session_entry *entry)
{
    uint32_t *first = bucket_of(table, entry);
    if (entry->due_before != 0) {
        session_table_entry(table, entry->due_before)->due_after = entry->due_after;
    } else {
        *first = entry->due_after;
    }
    if (entry->due_after != 0) {
        session_table_entry(table, entry->due_after)->due_before = entry->due_before;
    }
    if (*first == 0) {
        table->wheel.filled[entry->bucket / WHEEL_BUCKETS] &=
            ~(UINT64_C(1) << (entry->bucket % WHEEL_BUCKETS));
    }
}

/* How many buckets of `level` from the present one on until one that is filled; -1: none is. */
static int distance(const struct session_wheel *wheel, int level)
{
    uint64_t filled = wheel->filled[level];
    unsigned turn = (unsigned)((wheel->tick >> (level * LEVEL_BITS)) & (WHEEL_BUCKETS - 1));
    if (filled == 0) {
        return -1;
    }
    filled = turn == 0 ? filled : filled >> turn | filled << (WHEEL_BUCKETS - turn);
    return __builtin_ctzll(filled);
}

/* The first tick at which a bucket is to be emptied; NEVER_MS: no bucket is filled. */
static int64_t next_tick(const struct session_wheel *wheel)
{
    int64_t soonest = NEVER_MS;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        int far = distance(wheel, level);
        if (far >= 0) {
            int64_t window = (wheel->tick >> (level * LEVEL_BITS)) + far;
            int64_t tick = far == 0 ? wheel->tick : (int64_t)((uint64_t)window << (level * LEVEL_BITS));
            soonest = tick < soonest ? tick : soonest;
        }
    }
    return soonest;
}

/* Files what is in the present bucket of `level` again. False: the budget is used up first. */
static bool cascade(struct session_table *table, int level, size_t *budget)
{
    while (distance(&table->wheel, level) == 0) {
        if (*budget == 0) {
            return false;
        }
        unsigned place = (unsigned)((table->wheel.tick >> (level * LEVEL_BITS)) & (WHEEL_BUCKETS - 1));
        struct session_entry *entry =
            session_table_entry(table, table->wheel.first[(unsigned)level * WHEEL_BUCKETS + place]);
        session_wheel_remove(table, entry);
        /* What is due at this very tick joins the bucket that is emptied next. */
        if ((entry->expires + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS <= table->wheel.tick) {
            link_in(table, entry, 0, table->wheel.tick);
        } else {
            session_wheel_add(table, entry);
        }
        (*budget)--;
    }
    return true;
}

struct session_entry *session_wheel_take(struct session_table *table, int64_t boot, size_t *budget)
{
    struct session_wheel *wheel = &table->wheel;
    int64_t now = boot / WHEEL_TICK_MS;
    while (*budget > 0) {
        int64_t tick = next_tick(wheel);
        if (tick > now) {
            wheel->tick = now > wheel->tick ? now : wheel->tick;
            return NULL;
        }
        wheel->tick = tick;
        for (int level = WHEEL_LEVELS - 1; level > 0; level--) {
            if (!cascade(table, level, budget)) {
                return NULL;
            }
        }
        if (*budget > 0 && distance(wheel, 0) == 0) {
            struct session_entry *entry =
                session_table_entry(table, wheel->first[tick & (WHEEL_BUCKETS - 1)]);
            session_wheel_remove(table, entry);
            (*budget)--;
            return entry;
        }
    }
    return NULL;
}

int64_t session_wheel_due(const struct session_table *table)
{
    int64_t tick = next_tick(&table->wheel);
    return tick == NEVER_MS ? NEVER_MS : tick * WHEEL_TICK_MS;
}
