#include "outrider/codec/record/seats_json.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/seats/reservation.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- writing ---- */

static void encode_reservation(struct json_writer *json, const struct reservation *reservation)
{
    char key[17];
    json_write_object(json);
    json_member_text(json, "id", reservation->id);
    json_member_uint(json, "seats", reservation->seats);
    json_write_key(json, "until");
    json_write_time(json, reservation->until_wall);
    json_member_text(json, "by", reservation->by);
    if (reservation->key != 0) {
        snprintf(key, sizeof(key), "%016" PRIx64, reservation->key);
        json_member_text(json, "key", key);
    }
    json_write_object_end(json);
}

void seats_encode(const struct reservations *list, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_array(&json, "reservations");
    for (size_t i = 0; i < list->count; i++) {
        encode_reservation(&json, &list->items[i]);
    }
    json_write_array_end(&json);
    json_write_object_end(&json);
}

void seat_id_encode(const struct reservation_place *place, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "server", place->server);
    json_member_uint(&json, "seats", place->seats);
    json_write_key(&json, "until");
    json_write_time(&json, place->until_wall);
    json_write_object_end(&json);
}

/* ---- reading ---- */

/* What an object of either kind may have; `has` has a bit for each member that was there. */
struct members {
    struct str texts[5]; /* those that are texts */
    uint64_t seats;
    unsigned has;
};

enum { ID, SERVER, UNTIL, BY, KEY, SEATS };
enum { OF_ENTRY = 1 << ID | 1 << UNTIL | 1 << BY | 1 << KEY | 1 << SEATS };
enum { OF_PLACE = 1 << SERVER | 1 << UNTIL | 1 << SEATS };

static int read_member(struct json_scan *scan, struct str name, unsigned allowed, struct members *members)
{
    static const struct str names[] = {
        [ID] = STR_INIT("id"), [SERVER] = STR_INIT("server"), [UNTIL] = STR_INIT("until"),
        [BY] = STR_INIT("by"), [KEY] = STR_INIT("key"),       [SEATS] = STR_INIT("seats"),
    };
    unsigned which = 0;
    while (which < COUNT_OF(names) && !str_eq(name, names[which])) {
        which++;
    }
    if (which == COUNT_OF(names) || (allowed & 1U << which) == 0) {
        return error_set(scan->err, ERROR_INVALID, "unknown member `%.*s`",
                         (int)(name.size < 64 ? name.size : 64), name.data);
    }
    if ((members->has & 1U << which) != 0) {
        return error_set(scan->err, ERROR_INVALID, "%s: duplicate", names[which].data);
    }
    members->has |= 1U << which;
    if (which == SEATS) {
        return json_scan_uint(scan, RESERVATION_SEATS_MAX, &members->seats);
    }
    return json_scan_string(scan, &members->texts[which]);
}

/* Reads an object that has each member of `needed`, and none but those of `allowed`. */
static int read_members(struct json_scan *scan, unsigned allowed, unsigned needed,
                        struct members *ret_members)
{
    struct str name;
    int more;
    *ret_members = (struct members){0};
    for (bool first = true; (more = json_scan_member(scan, first, &name)) > 0; first = false) {
        if (read_member(scan, name, allowed, ret_members) < 0) {
            return -1;
        }
    }
    if (more == 0 && (needed & ~ret_members->has) != 0) {
        return error_set(scan->err, ERROR_INVALID, "a member is missing");
    }
    return more;
}

static int take_until(const struct members *members, struct error *err, int64_t *ret_wall)
{
    if (timestamp_parse(members->texts[UNTIL], ret_wall) < 0 || *ret_wall < 0) {
        return error_set(err, ERROR_INVALID, "until: not a time like 2026-11-21T02:14:00.123Z");
    }
    return 0;
}

/* A text of at most `max` bytes; `ret_text` has room for it and the NUL. */
static int take_text(struct str text, size_t max, const char *name, struct error *err, char *ret_text)
{
    if (text.size > max) {
        return error_set(err, ERROR_LIMIT, "%s: longer than %zu bytes", name, max);
    }
    if (str_has_control(text)) {
        return error_set(err, ERROR_INVALID, "%s: a control character in it", name);
    }
    snprintf(ret_text, max + 1, "%.*s", STR_ARG(text));
    return 0;
}

static int take_key(struct str text, struct error *err, uint64_t *ret_key)
{
    uint64_t key = 0;
    bool fits = text.size == 16;
    for (size_t i = 0; i < text.size && fits; i++) {
        int digit = hex_value(text.data[i]);
        fits = digit >= 0;
        key = key << 4 | (uint64_t)(unsigned)digit;
    }
    if (!fits || key == 0) {
        return error_set(err, ERROR_INVALID, "key: not 16 hexadecimal digits");
    }
    *ret_key = key;
    return 0;
}

static int read_entry(struct json_scan *scan, struct reservations *list)
{
    struct members members;
    struct reservation *entry = reservations_add(list);
    if (entry == NULL) {
        return error_set(scan->err, ERROR_LIMIT, "more than %d", RESERVATIONS_MAX);
    }
    if (read_members(scan, OF_ENTRY, OF_ENTRY & ~(1U << KEY), &members) < 0) {
        return -1;
    }
    struct str id = members.texts[ID];
    if (!reservation_is_id(id)) {
        return error_set(scan->err, ERROR_INVALID, "id: not 1 to %d letters, digits and ._-:~",
                         RESERVATION_ID_MAX);
    }
    if (members.seats == 0) {
        return error_set(scan->err, ERROR_INVALID, "seats: 0");
    }
    snprintf(entry->id, sizeof(entry->id), "%.*s", STR_ARG(id));
    entry->seats = (uint32_t)members.seats;
    bool has_key = (members.has & 1U << KEY) != 0;
    if (has_key && take_key(members.texts[KEY], scan->err, &entry->key) < 0) {
        return -1;
    }
    return take_text(members.texts[BY], RESERVATION_BY_MAX, "by", scan->err, entry->by) < 0
               ? -1
               : take_until(&members, scan->err, &entry->until_wall);
}

static int read_list(struct json_scan *scan, struct reservations *list)
{
    int more;
    for (bool first = true; (more = json_scan_next(scan, ']', first)) > 0; first = false) {
        size_t number = list->count;
        if (read_entry(scan, list) < 0) {
            return error_wrap(scan->err, "%zu", number);
        }
    }
    return more;
}

static int read_seats(struct json_scan *scan, struct reservations *list)
{
    struct str name;
    int more;
    bool has = false;
    for (bool first = true; (more = json_scan_member(scan, first, &name)) > 0; first = false) {
        if (has || !str_eq(name, STR("reservations"))) {
            return error_set(scan->err, ERROR_INVALID, "it has one member, `reservations`");
        }
        has = true;
        if (read_list(scan, list) < 0) {
            return error_wrap(scan->err, "reservations");
        }
    }
    if (more < 0 || json_scan_end(scan) < 0) {
        return -1;
    }
    return has ? 0 : error_set(scan->err, ERROR_INVALID, "reservations: missing");
}

/* What both begin with. */
static int check(struct str text, size_t max, struct error *err)
{
    if (text.size > max) {
        return error_set(err, ERROR_LIMIT, "longer than %zu bytes", max);
    }
    return str_is_utf8(text) ? 0 : error_set(err, ERROR_INVALID, "not UTF-8");
}

int seats_decode(struct str text, struct reservations *ret_list, struct error *err)
{
    struct json_scan scan = {.text = text, .err = err};
    int result = check(text, SEATS_JSON_MAX, err);
    result = result < 0 ? -1 : read_seats(&scan, ret_list);
    json_scan_fini(&scan);
    if (result < 0) {
        reservations_fini(ret_list);
    }
    return result;
}

static int read_place(struct json_scan *scan, struct reservation_place *place)
{
    struct members members;
    if (read_members(scan, OF_PLACE, OF_PLACE, &members) < 0 || json_scan_end(scan) < 0) {
        return -1;
    }
    if (members.texts[SERVER].size == 0 || members.seats == 0) {
        return error_set(scan->err, ERROR_INVALID, "no server, or no seats");
    }
    place->seats = (uint32_t)members.seats;
    return take_text(members.texts[SERVER], RESERVATION_SERVER_MAX, "server", scan->err, place->server) < 0
               ? -1
               : take_until(&members, scan->err, &place->until_wall);
}

int seat_id_decode(struct str text, struct reservation_place *ret_place, struct error *err)
{
    struct json_scan scan = {.text = text, .err = err};
    struct reservation_place place = {0};
    int result = check(text, SEAT_ID_JSON_MAX, err);
    result = result < 0 ? -1 : read_place(&scan, &place);
    json_scan_fini(&scan);
    if (result == 0) {
        *ret_place = place;
    }
    return result;
}
