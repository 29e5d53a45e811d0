/* Keys of reservations: whatever is read can be written, and what was written reads as the same. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/seats/reservation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_seats(struct str text)
{
    struct reservations list = {0}, back = {0};
    struct error err = {0};
    if (seats_decode(text, &list, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0' && list.items == NULL && list.count == 0);
        return;
    }
    struct buf out = {0};
    seats_encode(&list, &out);
    must(out.size <= SEATS_JSON_MAX && seats_decode(buf_view(&out), &back, &err) == 0);
    must(back.count == list.count && list.count <= RESERVATIONS_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct reservation *a = &list.items[i], *b = &back.items[i];
        must(reservation_is_id(str_of(a->id)) && str_eq(str_of(a->id), str_of(b->id)));
        must(str_eq(str_of(a->by), str_of(b->by)) && a->seats == b->seats && a->seats > 0);
        must(a->until_wall == b->until_wall && a->key == b->key);
        must(reservations_find(&list, str_of(a->id)) != NULL);
    }
    must(reservations_seats(&list, INT64_MAX) == 0);
    buf_fini(&out);
    reservations_fini(&back);
    reservations_fini(&list);
}

static void check_id(struct str text)
{
    struct reservation_place place = {0}, back = {0};
    struct error err = {0};
    if (seat_id_decode(text, &place, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0' && place.seats == 0);
        return;
    }
    struct buf out = {0};
    seat_id_encode(&place, &out);
    must(out.size <= SEAT_ID_JSON_MAX && seat_id_decode(buf_view(&out), &back, &err) == 0);
    must(str_eq(str_of(place.server), str_of(back.server)) && place.seats == back.seats);
    must(place.until_wall == back.until_wall);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_seats((struct str){(const char *)data, size});
    check_id((struct str){(const char *)data, size});
    return 0;
}
