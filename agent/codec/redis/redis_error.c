#include "outrider/codec/redis/redis_error.h"

#include "outrider/codec/redis/redis_cluster.h"

#include <stddef.h>

/* The first row that the text begins with. A script's errors have more text behind. */
static const struct row {
    struct str text;
    enum redis_error error;
} rows[] = {
    {STR_INIT("MOVED "), REDIS_ERROR_MOVED},
    {STR_INIT("ASK "), REDIS_ERROR_ASK},
    {STR_INIT("TRYAGAIN "), REDIS_ERROR_TRYAGAIN},
    {STR_INIT("CLUSTERDOWN "), REDIS_ERROR_CLUSTERDOWN},
    {STR_INIT("LOADING "), REDIS_ERROR_LOADING},
    {STR_INIT("MASTERDOWN "), REDIS_ERROR_LOADING},
    {STR_INIT("READONLY "), REDIS_ERROR_READONLY},
    {STR_INIT("NOSCRIPT "), REDIS_ERROR_NOSCRIPT},
    {STR_INIT("NOAUTH "), REDIS_ERROR_NOAUTH},
    {STR_INIT("OUTRIDER-UNOPENED "), REDIS_ERROR_UNOPENED},
    {STR_INIT("OUTRIDER-DENIED "), REDIS_ERROR_DENIED},
    {STR_INIT("OUTRIDER-"), REDIS_ERROR_REFUSED},
    {STR_INIT("BUSY "), REDIS_ERROR_OVERLOADED},
    {STR_INIT("OOM "), REDIS_ERROR_OVERLOADED},
    {STR_INIT("MISCONF "), REDIS_ERROR_OVERLOADED},
    {STR_INIT("NOREPLICAS "), REDIS_ERROR_OVERLOADED},
    {STR_INIT("ERR max number of clients reached"), REDIS_ERROR_OVERLOADED},
    {STR_INIT("ERR Script killed by user"), REDIS_ERROR_OVERLOADED}, /* only before its first write */
    {STR_INIT("WRONGPASS "), REDIS_ERROR_DENIED},
    {STR_INIT("NOPERM "), REDIS_ERROR_DENIED},
    {STR_INIT("DENIED "), REDIS_ERROR_DENIED}, /* protected mode */
    {STR_INIT("ERR invalid password"), REDIS_ERROR_DENIED},
    {STR_INIT("ERR AUTH <password> called without any password"), REDIS_ERROR_NO_PASSWORD},
    {STR_INIT("ERR Client sent AUTH, but no password is set"), REDIS_ERROR_NO_PASSWORD},
    {STR_INIT("ERR unknown command"), REDIS_ERROR_UNKNOWN_COMMAND},
    {STR_INIT("NOPROTO "), REDIS_ERROR_UNKNOWN_COMMAND},
    {STR_INIT("ERR The user executing the script can't"), REDIS_ERROR_DENIED_HALFWAY},
    {STR_INIT("WRONGTYPE "), REDIS_ERROR_REFUSED},
    {STR_INIT("CROSSSLOT "), REDIS_ERROR_REFUSED},
    {STR_INIT("EXECABORT "), REDIS_ERROR_REFUSED},
    {STR_INIT("ERR wrong number of arguments"), REDIS_ERROR_REFUSED},
    {STR_INIT("ERR syntax error"), REDIS_ERROR_REFUSED},
    {STR_INIT("ERR SELECT is not allowed in cluster mode"), REDIS_ERROR_REFUSED},
    {STR_INIT("ERR Error compiling script"), REDIS_ERROR_REFUSED},
};

enum redis_error redis_error_of(struct str text)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_starts(text, rows[i].text)) {
            return rows[i].error;
        }
    }
    return REDIS_ERROR_OTHER;
}

bool redis_error_is_not_done(enum redis_error error)
{
    return error != REDIS_ERROR_OTHER && error != REDIS_ERROR_DENIED_HALFWAY;
}

int redis_error_target(struct str text, uint16_t *ret_slot, struct str *ret_host, uint16_t *ret_port)
{
    uint64_t slot = 0, port = 0;
    struct str word = str_split(text, ' ', &text);
    struct str number = str_split(text, ' ', &text);
    struct str target = str_split(text, ' ', &text);
    bool known = str_eq(word, STR("MOVED")) || str_eq(word, STR("ASK"));
    size_t colon = target.size;
    while (colon > 0 && target.data[colon - 1] != ':') {
        colon--;
    }
    if (!known || colon == 0) {
        return -1;
    }
    struct str digits = {target.data + colon, target.size - colon};
    if (str_to_u64(number, REDIS_SLOTS - 1, &slot) < 0 || str_to_u64(digits, UINT16_MAX, &port) < 0 ||
        port == 0) {
        return -1;
    }
    struct str host = {target.data, colon - 1};
    *ret_slot = (uint16_t)slot;
    *ret_host = str_eq(host, STR("?")) ? (struct str){"", 0} : host;
    *ret_port = (uint16_t)port;
    return 0;
}
