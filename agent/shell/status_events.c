/* What is sent to the connections of the status socket beside the replies to their lines. */
#include "status_peer_internal.h"

#include "outrider/io/line/line_socket.h"

/* A datagram has no answer. */
static void log_claim(uint64_t ticket, struct str id, struct str why)
{
    if (ticket == 0) {
        log_warn("status", "claim of a datagram did not end well", LOG_RATE(LOG_SELDOM), LOG_STR("id", id),
                 LOG_STR("error", why.size == 0 ? STR("it is not reserved") : why));
    }
}

void status_sockets_claimed(struct status_sockets *sockets, uint64_t ticket, bool good, struct str id,
                            struct str why)
{
    struct line_peer *peer = sockets == NULL || sockets->lines == NULL ? NULL : sockets->lines->first;
    bool answered = ticket == 0;
    for (; peer != NULL && !answered; peer = peer->next) {
        struct status_peer *state = peer->data;
        answered = state != NULL && status_replies_claimed(&state->replies, peer, ticket, good, id, why);
    }
    if (!good) {
        log_claim(ticket, id, why);
    }
}

void status_sockets_mainpid(struct status_sockets *sockets, pid_t pid)
{
    uid_t uid;
    if (sockets != NULL && sockets->lines != NULL) {
        bool known = process_uid(pid, NULL, &uid) == 0;
        line_socket_keep(sockets->lines, pid, known ? uid : (uid_t)-1);
        sockets->kept = NULL;
    }
}

void status_sockets_emit(struct status_sockets *sockets, const char *kind, struct str event)
{
    if (sockets == NULL || sockets->lines == NULL) {
        return;
    }
    for (struct line_peer *peer = sockets->lines->first; peer != NULL; peer = peer->next) {
        const struct status_peer *state = peer->data;
        if (state != NULL && state->watching) {
            line_peer_event(peer, kind, event);
        }
    }
}

size_t status_sockets_watching(const struct status_sockets *sockets)
{
    const struct line_peer *peer = sockets == NULL || sockets->lines == NULL ? NULL : sockets->lines->first;
    size_t count = 0;
    for (; peer != NULL; peer = peer->next) {
        const struct status_peer *state = peer->data;
        count += state != NULL && state->watching ? 1 : 0;
    }
    return count;
}
