/* Transitions: those of a server are a list, oldest first; those of all, the feed, an array by seq in which a transition that made
 * room leaves a hole. */
#include "history_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

static size_t size_of(const struct history_transition *transition)
{
    return sizeof(*transition) + transition->reason_size + transition->by_size + transition->holds_size;
}

static int by_seq(const void *a, const void *b)
{
    const struct history_place *left = a, *right = b;
    return left->seq < right->seq ? -1 : left->seq > right->seq;
}

size_t history_place_of(const struct history *history, uint64_t seq)
{
    size_t low = history->feed_first, high = history->feed_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->feed[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The holes go once they are half of the feed, so that its memory follows what is there. */
static void close_holes(struct history *history)
{
    size_t kept = 0;
    for (size_t i = history->feed_first; i < history->feed_count; i++) {
        if (history->feed[i].transition != NULL) {
            history->feed[kept++] = history->feed[i];
        }
    }
    history->feed_first = history->holes = 0;
    history->feed_count = kept;
    if (history->feed_capacity > 4 * kept + 64) {
        history->feed_capacity = 2 * kept + 32;
        history->feed = mem_resize(history->feed, history->feed_capacity, sizeof(*history->feed));
    }
}

void history_drop_first(struct history *history, struct history_server *server)
{
    struct history_transition *transition = server->first;
    size_t at = history_place_of(history, transition->seq);
    if (at < history->feed_count && history->feed[at].seq == transition->seq) { /* else not linked yet */
        history->feed[at].transition = NULL;
        history->holes++;
    }
    while (history->feed_first < history->feed_count &&
           history->feed[history->feed_first].transition == NULL) {
        history->feed_first++;
    }
    server->first = transition->next;
    server->last = server->first == NULL ? NULL : server->last;
    server->transition_count--;
    history->facts.transitions--;
    history->facts.bytes -= size_of(transition);
    free(transition);
    if (history->holes > 64 && history->holes > history->feed_count / 2) {
        close_holes(history);
    }
}

void history_drop_all(struct history *history, struct history_server *server)
{
    while (server->first != NULL) {
        history_drop_first(history, server);
    }
}

void history_fit(struct history *history)
{
    while (history->facts.bytes > history->settings.bytes_max) {
        history_drop_first(history, history->feed[history->feed_first].transition->server);
        history->facts.dropped++;
    }
}

static void link_place(struct history *history, struct history_transition *transition)
{
    history->feed =
        mem_grow(history->feed, history->feed_count, &history->feed_capacity, sizeof(*history->feed));
    history->feed[history->feed_count++] = (struct history_place){transition->seq, transition};
}

bool history_link(struct history *history)
{
    for (struct history_server *server = history->servers; server != NULL; server = server->hh.next) {
        for (struct history_transition *each = server->first; each != NULL; each = each->next) {
            link_place(history, each);
        }
    }
    if (history->feed_count > 0) {
        qsort(history->feed, history->feed_count, sizeof(*history->feed), by_seq);
    }
    for (size_t i = 1; i < history->feed_count; i++) {
        if (history->feed[i].seq == history->feed[i - 1].seq) {
            return false;
        }
    }
    return true;
}

struct history_transition *history_append(struct history *history, struct history_server *server,
                                          const struct history_transition *made, const struct str texts[3])
{
    size_t sizes[3], all = 0;
    for (int i = 0; i < 3; i++) {
        sizes[i] = texts[i].size <= HISTORY_TEXT_MAX ? texts[i].size : brief_size(texts[i], HISTORY_TEXT_MAX);
        all += sizes[i];
    }
    struct history_transition *transition = mem_zalloc(sizeof(*transition) + all);
    *transition = *made;
    transition->next = NULL;
    transition->server = server;
    transition->reason_size = (uint8_t)sizes[0];
    transition->by_size = (uint8_t)sizes[1];
    transition->holds_size = (uint8_t)sizes[2];
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        if (sizes[i] > 0) {
            memcpy(transition->texts + at, texts[i].data, sizes[i]);
        }
        at += sizes[i];
    }
    if (server->last == NULL) {
        server->first = transition;
    } else {
        server->last->next = transition;
    }
    server->last = transition;
    server->transition_count++;
    history->facts.transitions++;
    history->facts.bytes += size_of(transition);
    return transition;
}

void history_add(struct history *history, struct history_server *server,
                 const struct history_transition *made, const struct str texts[3])
{
    struct history_transition filled = *made;
    filled.seq = history->next_seq++;
    filled.wall = history->now.wall;
    if (!history->facts.synced && filled.kind != HISTORY_SEEN) {
        filled.after_wall = history->facts.stale_wall == 0 ? -1 : history->facts.stale_wall;
    }
    link_place(history, history_append(history, server, &filled, texts));
    while (server->transition_count > HISTORY_TRANSITIONS_MAX) {
        history_drop_first(history, server);
    }
    history_fit(history);
    history->dirty = true;
}
