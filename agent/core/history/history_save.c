#include "outrider/core/history/history_save.h"

#include "history_internal.h"

int64_t history_save_begin(struct history *history)
{
    struct history_round *round = &history->round;
    *round = (struct history_round){.number = round->number + 1,
                                    .minute = history->facts.minute,
                                    .server = history->servers,
                                    .type = history->types};
    return round->minute;
}

/* Minutes that have passed since are of the next round. */
static void show_type(const struct history *history, const struct history_type *type,
                      struct history_piece *ret_piece)
{
    int64_t since = history->facts.minute - history->round.minute;
    bool has_minutes = since >= 0 && since < (int64_t)type->count;
    size_t count = has_minutes ? type->count - (size_t)since : 0;
    size_t minutes = count < HISTORY_FLEET_MINUTES ? count : HISTORY_FLEET_MINUTES;
    *ret_piece = (struct history_piece){.type = type, .minutes = minutes};
    if (minutes > 0) {
        ret_piece->totals = type->totals + count - minutes;
    }
}

/* What came during the round stands after all that was there before. */
bool history_save_next(struct history *history, struct history_piece *ret_piece)
{
    struct history_round *round = &history->round;
    if (round->type != NULL && round->type->round != round->number) {
        show_type(history, round->type, ret_piece);
        round->type = round->type->hh.next;
        return true;
    }
    if (round->server != NULL && round->server->round != round->number) {
        *ret_piece = (struct history_piece){.server = round->server};
        round->server = round->server->hh.next;
        return true;
    }
    return false;
}

uint64_t history_next_seq(const struct history *history)
{
    return history->next_seq;
}
