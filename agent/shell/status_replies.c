/* The replies to the lines of one connection, in the order of the lines: one whose claims are not decided yet holds those behind it back. */
#include "status_replies_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/io/line/line_socket.h"

#include <stdlib.h>
#include <utlist.h>

/* Bytes of replies that are held back at most, as with a peer that does not read. */
enum { HELD_BACK_MAX = 4096 };

struct status_answer {
    struct status_answer *next;
    uint64_t ticket; /* of the claims of its line; 0: none */
    size_t claims;   /* that are not decided yet */
    bool said;       /* the line is applied; until then its claims may end, but not its turn */
    bool failed;     /* `text` is the error of one of them */
    struct buf text;
};

static void free_answer(struct status_answer *answer)
{
    buf_fini(&answer->text);
    free(answer);
}

/* Sends what no claim holds back any more. */
static void send_ready(struct status_replies *replies, struct line_peer *peer)
{
    struct status_answer *answer = replies->first;
    while (answer != NULL && answer->said && answer->claims == 0) {
        LL_DELETE(replies->first, answer);
        line_peer_reply(peer, buf_view(&answer->text));
        free_answer(answer);
        answer = replies->first;
    }
    line_peer_await(peer, answer != NULL);
}

/* Waiting ends: what is not decided is not known. */
static void give_up(struct status_replies *replies, const char *why)
{
    for (struct status_answer *answer = replies->first; answer != NULL; answer = answer->next) {
        if (answer->claims > 0 && !answer->failed) {
            buf_clear(&answer->text);
            status_line_claim_reply(&answer->text, STR("claims"), str_of(why));
        }
        answer->claims = 0;
    }
}

static struct status_answer *last_answer(struct status_replies *replies)
{
    struct status_answer *last = replies->first;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    return last;
}

void status_replies_expect(struct status_replies *replies, uint64_t ticket, size_t claims)
{
    struct status_answer *answer = mem_zalloc(sizeof(*answer));
    answer->ticket = ticket;
    answer->claims = claims;
    LL_APPEND(replies->first, answer);
}

void status_replies_say(struct status_replies *replies, struct line_peer *peer, uint64_t ticket,
                        struct str text)
{
    struct status_answer *last = last_answer(replies);
    size_t held = 0;
    if (last == NULL) {
        line_peer_reply(peer, text);
        return;
    }
    if (ticket == 0 || last->ticket != ticket) {
        status_replies_expect(replies, 0, 0);
        last = last_answer(replies);
    }
    last->said = true;
    if (!last->failed) {
        buf_str(&last->text, text);
    }
    for (struct status_answer *each = replies->first; each != NULL; each = each->next) {
        held += each->text.size;
    }
    if (held > HELD_BACK_MAX) {
        give_up(replies, "too many replies wait behind it");
    }
    send_ready(replies, peer);
}

bool status_replies_claimed(struct status_replies *replies, struct line_peer *peer, uint64_t ticket,
                            bool good, struct str id, struct str why)
{
    struct status_answer *answer = replies->first;
    while (answer != NULL && answer->ticket != ticket) {
        answer = answer->next;
    }
    if (answer == NULL || answer->claims == 0) {
        return false;
    }
    answer->claims--;
    if (!good && !answer->failed) {
        answer->failed = true;
        buf_clear(&answer->text);
        status_line_claim_reply(&answer->text, id, why);
    }
    send_ready(replies, peer);
    return true;
}

void status_replies_fini(struct status_replies *replies)
{
    struct status_answer *answer, *next;
    LL_FOREACH_SAFE(replies->first, answer, next)
    {
        free_answer(answer);
    }
    replies->first = NULL;
}
