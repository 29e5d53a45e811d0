#include "outrider/codec/redis/redis_cluster.h"

#include "outrider/base/error.h"
#include "outrider/codec/redis/redis_reply.h"

#include <stdbool.h>

/* CRC-16/XMODEM, as the specification of the cluster names it: a bit at a time, keys are short. */
static uint16_t crc16(struct str text)
{
    unsigned crc = 0;
    for (size_t i = 0; i < text.size; i++) {
        crc ^= (unsigned)(unsigned char)text.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        }
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

uint16_t redis_slot(struct str key)
{
    const char *open = key.size == 0 ? NULL : memchr(key.data, '{', key.size);
    const char *close = open == NULL ? NULL : memchr(open, '}', key.size - (size_t)(open - key.data));
    if (close != NULL && close > open + 1) {
        key = (struct str){open + 1, (size_t)(close - open) - 1};
    }
    return crc16(key) % REDIS_SLOTS;
}

int redis_slots_read(const struct redis_reply *range, struct error *err, struct redis_slots *ret_slots)
{
    const struct redis_reply *first = redis_item(range, 0), *last = redis_item(range, 1);
    const struct redis_reply *master = redis_item(range, 2);
    const struct redis_reply *port = redis_item(master, 1);
    struct str host = redis_text(redis_item(master, 0));
    bool numbers =
        first->type == REDIS_IS_INTEGER && last->type == REDIS_IS_INTEGER && port->type == REDIS_IS_INTEGER;
    if (!numbers || first->integer < 0 || last->integer < first->integer || last->integer >= REDIS_SLOTS ||
        port->integer < 1 || port->integer > UINT16_MAX) {
        return error_set(err, ERROR_PROTOCOL, "no slots of a cluster");
    }
    *ret_slots = (struct redis_slots){.first = (uint16_t)first->integer,
                                      .last = (uint16_t)last->integer,
                                      .host = str_eq(host, STR("?")) ? (struct str){"", 0} : host,
                                      .port = (uint16_t)port->integer};
    return 0;
}
