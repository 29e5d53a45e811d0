#include "outrider/core/seats/reservation.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool reservation_is_id(struct str id)
{
    if (id.size == 0 || id.size > RESERVATION_ID_MAX || !is_alphanumeric(id.data[0])) {
        return false;
    }
    for (size_t i = 1; i < id.size; i++) {
        if (!is_alphanumeric(id.data[i]) && memchr("._-:~", id.data[i], 5) == NULL) {
            return false;
        }
    }
    return true;
}

/* `until_wall` may be any number that a peer wrote. */
static int64_t lapse(const struct reservation *reservation)
{
    int64_t until = reservation->until_wall;
    return until > INT64_MAX - RESERVATION_SKEW_MS ? INT64_MAX : until + RESERVATION_SKEW_MS;
}

bool reservation_is_live(const struct reservation *reservation, int64_t now_wall)
{
    return now_wall < lapse(reservation);
}

void reservations_fini(struct reservations *list)
{
    if (list != NULL) {
        free(list->items);
        *list = (struct reservations){0};
    }
}

void reservations_copy(struct reservations *list, const struct reservations *from)
{
    if (from->count > list->capacity) {
        list->items = mem_resize(list->items, from->count, sizeof(list->items[0]));
        list->capacity = from->count;
    }
    list->count = from->count;
    if (from->count > 0) {
        memcpy(list->items, from->items, from->count * sizeof(list->items[0]));
    }
}

struct reservation *reservations_find(const struct reservations *list, struct str id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(str_of(list->items[i].id), id)) {
            return &list->items[i];
        }
    }
    return NULL;
}

struct reservation *reservations_add(struct reservations *list)
{
    if (list->count >= RESERVATIONS_MAX) {
        return NULL;
    }
    list->items = mem_grow(list->items, list->count, &list->capacity, sizeof(list->items[0]));
    struct reservation *added = &list->items[list->count++];
    *added = (struct reservation){0};
    return added;
}

void reservations_remove(struct reservations *list, const struct reservation *reservation)
{
    size_t at = (size_t)(reservation - list->items);
    memmove(&list->items[at], &list->items[at + 1], (list->count - at - 1) * sizeof(list->items[0]));
    list->count--;
}

uint32_t reservations_seats(const struct reservations *list, int64_t now_wall)
{
    uint64_t seats = 0;
    for (size_t i = 0; i < list->count; i++) {
        seats += reservation_is_live(&list->items[i], now_wall) ? list->items[i].seats : 0;
    }
    return seats < UINT32_MAX ? (uint32_t)seats : UINT32_MAX;
}

int64_t reservations_next_lapse(const struct reservations *list, int64_t now_wall)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        int64_t at = lapse(&list->items[i]);
        next = at > now_wall && at < next ? at : next;
    }
    return next;
}
