#include "outrider/core/seats/seats.h"

#include "outrider/base/hash.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

/* A key by which a server has a reservation. */
struct keyed {
    uint64_t key;
    const struct held *held;
    struct keyed *next;  /* of the same key */
    struct keyed *other; /* of the same server */
    UT_hash_handle hh;   /* of the first one of a key */
};

struct held {
    struct seats_server server; /* first: a caller has a pointer to it */
    size_t live;
    int64_t next_lapse; /* wall; INT64_MAX: none is live */
    struct keyed *keyed;
    UT_hash_handle hh;
    char place[];
};

struct seats {
    struct held *held;
    struct keyed *keyed; /* by key */
    struct seats_facts facts;
    struct instant now; /* of the last step */
    int64_t next_lapse; /* the soonest of all */
};

/* The wall clock was set when it moved so much against the other one. */
enum { CLOCK_SET_MS = 100 };

struct seats *seats_new(void)
{
    struct seats *seats = mem_zalloc(sizeof(*seats));
    seats->next_lapse = INT64_MAX;
    return seats;
}

/* ---- keys of placements ---- */

static void add_key(struct seats *seats, struct held *held, uint64_t key)
{
    struct keyed *first, *added = mem_zalloc(sizeof(*added));
    *added = (struct keyed){.key = key, .held = held, .other = held->keyed};
    held->keyed = added;
    seats->facts.keyed++;
    HASH_FIND(hh, seats->keyed, &key, sizeof(key), first);
    if (first == NULL) {
        HASH_ADD(hh, seats->keyed, key, sizeof(key), added);
    } else {
        added->next = first->next;
        first->next = added;
    }
}

static void drop_key(struct seats *seats, struct keyed *dropped)
{
    struct keyed *first, *next = dropped->next;
    HASH_FIND(hh, seats->keyed, &dropped->key, sizeof(dropped->key), first);
    if (first == dropped) {
        HASH_DEL(seats->keyed, first);
        if (next != NULL) {
            HASH_ADD(hh, seats->keyed, key, sizeof(next->key), next);
        }
    }
    for (struct keyed *each = first; each != NULL; each = each->next) {
        each->next = each->next == dropped ? next : each->next;
    }
    seats->facts.keyed--;
    free(dropped);
}

static void drop_keys(struct seats *seats, struct held *held)
{
    while (held->keyed != NULL) {
        struct keyed *dropped = held->keyed;
        held->keyed = dropped->other;
        drop_key(seats, dropped);
    }
}

static void index_keys(struct seats *seats, struct held *held)
{
    drop_keys(seats, held);
    for (size_t i = 0; i < held->server.list.count; i++) {
        if (held->server.list.items[i].key != 0) {
            add_key(seats, held, held->server.list.items[i].key);
        }
    }
}

static bool has_live(const struct held *held, uint64_t key, int64_t now_wall)
{
    for (size_t i = 0; i < held->server.list.count; i++) {
        const struct reservation *entry = &held->server.list.items[i];
        if (entry->key == key && reservation_is_live(entry, now_wall)) {
            return true;
        }
    }
    return false;
}

const struct seats_server *seats_keyed(const struct seats *seats, struct str type, uint64_t key,
                                       int64_t now_wall)
{
    const struct seats_server *found = NULL;
    struct keyed *each;
    HASH_FIND(hh, seats->keyed, &key, sizeof(key), each);
    for (; each != NULL; each = each->next) {
        const struct seats_server *server = &each->held->server;
        struct str id, of = str_split(server->place, '/', &id);
        if (str_eq(of, type) && has_live(each->held, key, now_wall) &&
            (found == NULL || str_compare(server->place, found->place) < 0)) {
            found = server;
        }
    }
    return found;
}

/* ---- one server ---- */

static void drop(struct seats *seats, struct held *held)
{
    drop_keys(seats, held);
    HASH_DEL(seats->held, held);
    reservations_fini(&held->server.list);
    free(held);
}

void seats_free(struct seats *seats)
{
    while (seats != NULL && seats->held != NULL) {
        drop(seats, seats->held);
    }
    free(seats);
}

static struct held *find(const struct seats *seats, struct str place)
{
    struct held *held;
    HASH_FIND(hh, seats->held, place.data, (unsigned)place.size, held);
    return held;
}

static struct held *add(struct seats *seats, struct str place)
{
    struct held *held = mem_zalloc(sizeof(*held) + place.size + 1);
    memcpy(held->place, place.data, place.size);
    held->server.place = (struct str){held->place, place.size};
    HASH_ADD_KEYPTR(hh, seats->held, held->place, (unsigned)place.size, held);
    seats->facts.servers++;
    return held;
}

static void count(struct seats *seats, const struct held *held, bool in)
{
    struct seats_facts *facts = &seats->facts;
    facts->live = in ? facts->live + held->live : facts->live - held->live;
    facts->reserved = in ? facts->reserved + held->server.reserved : facts->reserved - held->server.reserved;
    facts->foreign = in ? facts->foreign + held->server.foreign : facts->foreign - held->server.foreign;
}

/* What is live by now, which `held` is not counted with meanwhile. */
static void judge(struct held *held, int64_t now_wall)
{
    const struct reservations *list = &held->server.list;
    held->live = 0;
    for (size_t i = 0; i < list->count; i++) {
        held->live += reservation_is_live(&list->items[i], now_wall);
    }
    held->server.reserved = reservations_seats(list, now_wall);
    held->next_lapse = reservations_next_lapse(list, now_wall);
}

static void tell(struct queue *effects, struct str place, uint32_t reserved)
{
    struct seats_effect *effect = queue_push(effects);
    *effect = (struct seats_effect){.place = queue_copy(effects, place), .reserved = reserved};
}

/* Judges a server again, and tells when that changes its seats. `before`: those that it was told with. */
static void judge_and_tell(struct seats *seats, struct held *held, uint32_t before, struct queue *effects)
{
    judge(held, seats->now.wall);
    count(seats, held, true);
    if (held->server.reserved != before) {
        tell(effects, held->server.place, held->server.reserved);
    }
}

/* ---- events ---- */

static void find_next_lapse(struct seats *seats)
{
    seats->next_lapse = INT64_MAX;
    for (const struct held *held = seats->held; held != NULL; held = held->hh.next) {
        seats->next_lapse = held->next_lapse < seats->next_lapse ? held->next_lapse : seats->next_lapse;
    }
}

/* `all`: the clock was set, so that what had lapsed may be live again. */
static void lapse(struct seats *seats, bool all, struct queue *effects)
{
    if (!all && seats->now.wall < seats->next_lapse) {
        return;
    }
    for (struct held *held = seats->held; held != NULL; held = held->hh.next) {
        if (all || held->next_lapse <= seats->now.wall) {
            uint32_t before = held->server.reserved;
            size_t live = held->live;
            count(seats, held, false);
            judge_and_tell(seats, held, before, effects);
            seats->facts.lapsed += held->live < live ? live - held->live : 0;
        }
    }
    find_next_lapse(seats);
}

static void on_gone(struct seats *seats, struct held *held, struct queue *effects)
{
    if (held->server.reserved > 0) {
        tell(effects, held->server.place, 0);
    }
    count(seats, held, false);
    seats->facts.servers--;
    drop(seats, held);
}

static void on_changed(struct seats *seats, const struct seats_event *event, struct queue *effects)
{
    struct held *held = find(seats, event->place);
    if (event->list == NULL && !event->foreign) {
        if (held != NULL) {
            on_gone(seats, held, effects);
        }
        return;
    }
    held = held == NULL ? add(seats, event->place) : held;
    uint32_t before = held->server.reserved;
    count(seats, held, false);
    held->server.foreign = event->list == NULL;
    held->server.revision = event->revision;
    if (event->list != NULL) {
        reservations_copy(&held->server.list, event->list);
    } else {
        reservations_fini(&held->server.list);
    }
    index_keys(seats, held);
    judge_and_tell(seats, held, before, effects);
    /* What goes away leaves its deadline, which is then too early and does no harm. */
    seats->next_lapse = held->next_lapse < seats->next_lapse ? held->next_lapse : seats->next_lapse;
}

void seats_step(struct seats *seats, const struct seats_event *event, struct queue *effects)
{
    const struct instant before = seats->now;
    int64_t moved = (event->now.wall - event->now.boot) - (before.wall - before.boot);
    bool set = moved > CLOCK_SET_MS || moved < -CLOCK_SET_MS;
    seats->now = event->now;
    lapse(seats, set, effects);
    if (event->type == SEATS_ON_CHANGED) {
        on_changed(seats, event, effects);
    }
}

struct window seats_deadline(const struct seats *seats)
{
    if (seats->next_lapse == INT64_MAX) {
        return WINDOW_NEVER;
    }
    int64_t left = seats->next_lapse > seats->now.wall ? seats->next_lapse - seats->now.wall : 0;
    return window_at(left > NEVER_MS - 1 - seats->now.mono ? NEVER_MS - 1 : seats->now.mono + left);
}

/* ---- public ---- */

const struct seats_server *seats_find(const struct seats *seats, struct str place)
{
    const struct held *held = find(seats, place);
    return held == NULL ? NULL : &held->server;
}

const struct seats_server *seats_of(const struct seats *seats, struct str type, struct str id)
{
    char place[256];
    size_t size = type.size + 1 + id.size;
    if (seats->held == NULL || size > sizeof(place)) {
        return NULL;
    }
    memcpy(place, type.data, type.size);
    place[type.size] = '/';
    memcpy(place + type.size + 1, id.data, id.size);
    return seats_find(seats, (struct str){place, size});
}

const struct seats_server *seats_first(const struct seats *seats)
{
    return seats->held == NULL ? NULL : &seats->held->server;
}

const struct seats_server *seats_next(const struct seats_server *server)
{
    const struct held *next = ((const struct held *)server)->hh.next;
    return next == NULL ? NULL : &next->server;
}

const struct seats_facts *seats_facts(const struct seats *seats)
{
    return &seats->facts;
}
