/* The reservations of the server, as an observer writes them and as the registry has them. */
#include "runner.h"

#include "outrider/base/duration.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/seats/reservation.h"

#include <stdio.h>
#include <string.h>

/* ---- by hand ---- */

static void write_seats(struct scenario *s, const struct reservations *list)
{
    struct buf json = {0};
    seats_encode(list, &json);
    store_seats(&s->store, list->count == 0 ? NULL : blob_new(buf_view(&json)));
    buf_fini(&json);
}

void seats_command(struct scenario *s, char **args, size_t count)
{
    struct reservations list = {0};
    if (strcmp(args[0], "value") == 0 && count == 2) {
        store_seats(&s->store, blob_new(str_of(args[1])));
        return;
    }
    memset(s->store.seat_ids, 0, sizeof(s->store.seat_ids));
    for (size_t i = 0; i < count && strcmp(args[0], "none") != 0; i++) {
        int64_t left;
        struct str lives, id = str_split(str_of(args[i]), ':', &lives);
        bool past = lives.size > 0 && lives.data[0] == '-';
        lives = past ? (struct str){lives.data + 1, lives.size - 1} : lives;
        if (duration_parse(lives, &left) < 0 || !reservation_is_id(id) || i == COUNT_OF(s->store.seat_ids)) {
            fail(s, "seats ID:TIME_LEFT..., seats none, or seats value TEXT");
        }
        struct reservation *entry = reservations_add(&list);
        snprintf(entry->id, sizeof(entry->id), "%.*s", STR_ARG(id));
        snprintf(entry->by, sizeof(entry->by), "obs");
        entry->seats = 1;
        entry->until_wall = world_now(s).wall + (past ? -left : left);
        snprintf(s->store.seat_ids[i], sizeof(s->store.seat_ids[i]), "%s", entry->id);
    }
    write_seats(s, &list);
    reservations_fini(&list);
}

static void check_id(struct scenario *s, const char *id, bool wanted)
{
    bool there = false;
    for (size_t i = 0; i < COUNT_OF(s->store.seat_ids); i++) {
        there = there || strcmp(s->store.seat_ids[i], id) == 0;
    }
    if (there != wanted) {
        fail(s, "the key of id %s is %s", id, there ? "there" : "gone");
    }
}

void seats_check(struct scenario *s, char **args, size_t count)
{
    struct reservations list = {0};
    struct buf ids = {0}, wanted = {0};
    struct error err;
    if (count == 3 && strcmp(args[0], "seat-id") == 0) {
        check_id(s, args[1], strcmp(args[2], "there") == 0);
        return;
    }
    if (s->store.seats != NULL && seats_decode(blob_view(s->store.seats), &list, &err) < 0) {
        fail(s, "the seats key cannot be read: %s", err.text);
    }
    for (size_t i = 0; i < list.count; i++) {
        buf_printf(&ids, "%s ", list.items[i].id);
    }
    for (size_t i = 1; i < count && strcmp(args[1], "absent") != 0; i++) {
        buf_printf(&wanted, "%s ", args[i]);
    }
    if (!str_eq(buf_view(&ids), buf_view(&wanted)) || (s->store.seats == NULL) != (wanted.size == 0)) {
        fail(s, "the seats key has: %s", s->store.seats == NULL ? "(absent)" : buf_text(&ids));
    }
    reservations_fini(&list);
    buf_fini(&ids);
    buf_fini(&wanted);
}
