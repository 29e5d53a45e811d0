/* The connections to the status socket: status_sockets.c takes lines, status_events.c sends events, status_commands.c has the lines of
 * commands. */
#ifndef OUTRIDER_SHELL_STATUS_PEER_INTERNAL_H
#define OUTRIDER_SHELL_STATUS_PEER_INTERNAL_H

#include "agent_internal.h"
#include "status_replies_internal.h"

#include "outrider/codec/status/status_line.h"

struct datagram_socket;
struct line_peer;
struct line_socket;
struct status_call;

/* One connection. */
struct status_peer {
    unsigned bad_in_a_row;
    uint64_t life;     /* attached in this life; 0: not attached */
    bool closed_by_us; /* for its bad input, which is no sign that the server ended */
    bool said_quit;
    bool watching;
    struct status_replies replies;
};

struct status_sockets {
    struct agent *agent;
    struct line_socket *lines;
    struct datagram_socket *datagrams;
    const struct line_peer
        *kept; /* for whose process places are kept, while MAINPID is not known; NULL: none */
    uint64_t mainpids_bad;
    uint64_t tickets;          /* of lines with claims */
    struct status_call *calls; /* that wait for their answer */
};

/* status_sockets.c: refuses a line. */
void status_sockets_reject(struct status_sockets *sockets, struct line_peer *peer,
                           struct status_line_error *error);

/* status_commands.c: takes a line about a command and answers it; false: it is none. */
bool status_commands_take(struct status_sockets *sockets, struct line_peer *peer, struct str line);

/* status_commands.c: the connection has ended, what it called for is not told any more; all of them. */
void status_commands_forget(struct status_sockets *sockets, const struct line_peer *peer);
void status_commands_free(struct status_sockets *sockets);

#endif
