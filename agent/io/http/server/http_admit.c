/* Who gets a place, who makes room for it, and what becomes of those that find none. */
#include "http_server_internal.h"
#include "outrider/os/clock.h"

#include <unistd.h>
#include <utlist.h>

/* PLACELESS: connections without a place, at most as many as there are places. Half of them may be in BEYOND, and a
 * quarter of those from one peer, so that a crowd from one address does not push the health check of another out. */
enum { GRACE_MS = 1000, FEW = 4, PLACELESS_MAX = 64, TELL_EVERY_MS = 60000 };

static const struct http_fault refusals[HTTP_SHORTAGES] = {
    [HTTP_SHORT_CONNECTIONS] = {503, "too_many_connections",
                                "all places for connections are taken: http.max_connections"},
    [HTTP_SHORT_SHARE] =
        {429, "too_many_of_peer",
         "this address or user has its share of the places for connections: http.peer_share"},
    [HTTP_SHORT_PUSHES] =
        {503, "too_many_subscribers",
         "there are as many subscribers as http.max_subscribers and the limit of open files "
         "allow"},
    [HTTP_SHORT_PUSH_SHARE] = {429, "too_many_of_peer",
                               "this address or user has its share of the places for subscribers: "
                               "http.peer_share"},
};

static void tell(struct http_listener *listener, const struct http_peer *peer, enum http_shortage what)
{
    struct http_server *server = listener->server;
    int64_t now_ms = clock_mono_ms();
    char text[HTTP_PEER_TEXT];
    if (listener->options.on_short == NULL ||
        (server->short_told_ms != INT64_MIN && now_ms - server->short_told_ms < TELL_EVERY_MS)) {
        return;
    }
    server->short_told_ms = now_ms;
    http_peer_text(peer, text);
    listener->options.on_short(what, text, server->user);
}

/* ---- places and states ---- */

static struct http_places *places_in(struct http_listener *listener, enum connection_state state)
{
    switch (state) {
    case CONNECTION_PUSHING: return &listener->pushes;
    case CONNECTION_FRESH:
    case CONNECTION_READING:
    case CONNECTION_HANDLING:
    case CONNECTION_WRITING:
    case CONNECTION_IDLE:
    case CONNECTION_LINGERING:
    case CONNECTION_UPGRADED: return &listener->connections;
    case CONNECTION_BEYOND:
    case CONNECTION_CLOSED: break;
    }
    return NULL;
}

static bool is_unfinished(enum connection_state state)
{
    return state == CONNECTION_FRESH || state == CONNECTION_READING;
}

void connection_move_place(struct connection *connection, enum connection_state to)
{
    if (connection->holder == NULL) {
        return;
    }
    struct http_places *from = places_in(connection->listener, connection->state);
    struct http_places *into = places_in(connection->listener, to);
    connection->holder->unfinished -= is_unfinished(connection->state) ? 1 : 0;
    connection->holder->unfinished += is_unfinished(to) ? 1 : 0;
    if (from != into) {
        http_places_give(from, connection->holder);
        connection->holder = into == NULL ? NULL : http_places_take(into, &connection->peer);
    }
}

/* ---- making room ---- */

/* Whether the place is one of that holder, or of anybody if it is NULL. */
static bool is_of(const struct connection *connection, const struct http_holder *holder)
{
    return connection->holder != NULL && (holder == NULL || connection->holder == holder);
}

static struct connection *first_of(const struct http_listener *listener, enum connection_state state,
                                   const struct http_holder *holder)
{
    struct connection *each = listener->lists[state].first;
    while (each != NULL && !is_of(each, holder)) {
        each = each->next;
    }
    return each;
}

/* The same of those that nothing much is on its way to: a close would cut that off. */
static struct connection *first_at_rest(const struct http_listener *listener, enum connection_state state,
                                        const struct http_holder *holder)
{
    struct connection *each = listener->lists[state].first;
    while (each != NULL && (each->waiting.listed || !is_of(each, holder))) {
        each = each->next;
    }
    return each;
}

/* The one that has been idle for longest, or one that is ending: first of those at rest. */
static struct connection *find_done(const struct http_listener *listener, const struct http_holder *holder)
{
    struct connection *found = first_at_rest(listener, CONNECTION_IDLE, holder);
    found = found != NULL ? found : first_at_rest(listener, CONNECTION_LINGERING, holder);
    found = found != NULL ? found : first_of(listener, CONNECTION_IDLE, holder);
    return found != NULL ? found : first_of(listener, CONNECTION_LINGERING, holder);
}

/* The oldest unfinished one, the one that has been idle for longest, or one that is ending: of that holder if it is not
 * NULL. An unfinished one is given a moment, unless most are like it: then it is one of a crowd. Where the others are
 * busy, two that come one after the other would else close each other, and neither would be answered. */
static struct connection *find_victim(struct http_listener *listener, const struct http_holder *holder)
{
    struct connection *unfinished = first_of(listener, CONNECTION_FRESH, holder);
    struct connection *reading = first_of(listener, CONNECTION_READING, holder);
    struct connection *idle = find_done(listener, holder);
    if (unfinished == NULL || (reading != NULL && reading->deadline_ms < unfinished->deadline_ms)) {
        unfinished = reading;
    }
    if (unfinished == NULL) {
        return idle;
    }
    size_t count = holder != NULL
                       ? holder->unfinished
                       : listener->lists[CONNECTION_FRESH].count + listener->lists[CONNECTION_READING].count;
    size_t all = holder != NULL ? holder->held : listener->connections.taken;
    int64_t left_ms = unfinished->deadline_ms - clock_mono_ms();
    bool waited = left_ms <= listener->options.request_timeout_ms - GRACE_MS;
    return waited || count > all / 2 ? unfinished : idle;
}

static bool evict(struct connection *victim)
{
    if (victim == NULL) {
        return false;
    }
    struct http_server_counters *counters = &victim->listener->server->counters;
    counters->evicted++;
    counters->closed[is_unfinished(victim->state) ? HTTP_EVICTED_UNFINISHED : HTTP_EVICTED_IDLE]++;
    connection_close(victim);
    return true;
}

void listener_evict(struct http_listener *listener)
{
    evict(find_victim(listener, NULL));
}

/* The peer itself, where it has as many as anybody and more than a few: of several such crowds none takes the place of a peer
 * with few. */
static const struct http_holder *crowded(const struct http_places *places, const struct http_peer *peer)
{
    const struct http_holder *own = http_places_find(places, peer);
    return own != NULL && own->held > FEW ? own : NULL;
}

static bool make_room(struct http_listener *listener, const struct http_peer *peer)
{
    struct http_places *places = &listener->connections;
    if (http_places_has_share(places, peer)) {
        const struct http_holder *own = http_places_find(places, peer);
        return own != NULL && evict(find_victim(listener, own));
    }
    const struct http_holder *richest = http_places_richest(places, peer);
    richest = richest != NULL ? richest : crowded(places, peer);
    struct connection *victim = richest == NULL ? NULL : find_victim(listener, richest);
    return evict(victim != NULL ? victim : find_victim(listener, NULL)) || http_places_kept(places, peer);
}

/* ---- without a place ---- */

bool connection_may_ask(const struct connection *connection, const struct http_head *head)
{
    const char *const *path = connection->listener->options.kept_paths;
    while (path != NULL && *path != NULL && !str_eq(head->path, str_of(*path))) {
        path++;
    }
    return path != NULL && *path != NULL && head->content_length == 0;
}

void connection_refuse(struct connection *connection)
{
    connection_fault(connection, &refusals[connection->why]);
    connection->listener->server->counters.faults--;
}

static size_t placeless_max(const struct http_listener *listener)
{
    size_t places = listener->options.max_connections;
    return places < PLACELESS_MAX ? places : PLACELESS_MAX;
}

/* Refusals that are not read, or replies for kept paths, are not let pile up either. */
static bool bound_placeless(struct http_listener *listener)
{
    size_t placeless = listener->open - listener->connections.taken - listener->pushes.taken;
    struct connection *oldest = listener->lists[CONNECTION_LINGERING].first;
    if (placeless < placeless_max(listener)) {
        return true;
    }
    while (oldest != NULL && oldest->holder != NULL) {
        oldest = oldest->next;
    }
    if (oldest != NULL) {
        connection_close(oldest);
    }
    return oldest != NULL;
}

/* The longest of the same peer if that has many, else the longest of all, is refused now. */
static void make_room_beyond(struct http_listener *listener, const struct http_peer *peer)
{
    const struct connection_list *beyond = &listener->lists[CONNECTION_BEYOND];
    size_t beyond_max = (placeless_max(listener) + 1) / 2, count = 0;
    struct connection *goes = NULL, *each;
    DL_FOREACH(beyond->first, each)
    {
        if (memcmp(&each->peer, peer, sizeof(*peer)) == 0) {
            goes = goes == NULL ? each : goes;
            count++;
        }
    }
    if (goes == NULL || count < (beyond_max + 3) / 4) {
        goes = beyond->count < beyond_max ? NULL : beyond->first;
    }
    if (goes != NULL) {
        connection_refuse(goes);
    }
}

/* It may ask for a kept path. What it has to say is read at once: the next of a crowd may take this place. */
static void admit_beyond(struct http_listener *listener, int fd, const struct http_peer *peer,
                         enum http_shortage why)
{
    listener->server->counters.rejected++;
    listener->server->counters.refused[why]++;
    make_room_beyond(listener, peer);
    if (!bound_placeless(listener)) {
        close(fd);
        return;
    }
    struct connection *connection = connection_new(listener, fd, peer, CONNECTION_BEYOND);
    connection->why = why;
    connection_read(connection);
}

void connection_admit(struct http_listener *listener, int fd)
{
    struct http_peer peer = http_peer_of(fd);
    enum http_place_answer answer = http_places_ask(&listener->connections, &peer);
    enum http_shortage why = answer == HTTP_PLACE_SHARE ? HTTP_SHORT_SHARE : HTTP_SHORT_CONNECTIONS;
    if (answer == HTTP_PLACE_FREE || make_room(listener, &peer)) {
        listener->server->counters.accepted++;
        connection_new(listener, fd, &peer, CONNECTION_FRESH);
    } else {
        admit_beyond(listener, fd, &peer, why);
    }
    if (answer != HTTP_PLACE_FREE) {
        tell(listener, &peer, why);
    }
}

/* ---- pushes ---- */

const struct http_fault *connection_push_refusal(struct connection *connection, bool make)
{
    struct http_listener *listener = connection->listener;
    const struct http_peer *peer = &connection->peer;
    enum http_place_answer answer = http_places_ask(&listener->pushes, peer);
    if (answer == HTTP_PLACE_FREE) {
        return NULL;
    }
    enum http_shortage why = answer == HTTP_PLACE_SHARE ? HTTP_SHORT_PUSH_SHARE : HTTP_SHORT_PUSHES;
    const struct http_holder *richest = http_places_richest(&listener->pushes, peer);
    bool may_evict = richest != NULL && !http_places_has_share(&listener->pushes, peer);
    bool may_enter = may_evict || http_places_kept(&listener->pushes, peer);
    if (may_evict && make) {
        listener->server->counters.closed[HTTP_EVICTED_PUSH]++;
        push_close(first_of(listener, CONNECTION_PUSHING, richest)->push, HTTP_PUSH_ROOM);
    } else if (!may_enter) {
        listener->server->counters.refused[why]++;
    }
    if (make || !may_enter) {
        tell(listener, peer, why);
    }
    return may_enter ? NULL : &refusals[why];
}
