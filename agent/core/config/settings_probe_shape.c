/* The shapes of text values of a probe. */
#include "settings_internal.h"

#include "outrider/base/error.h"
#include "outrider/core/config/config.h"

enum { PATH_BYTES_MAX = 1024, HEADER_MAX = 1024, ARGUMENT_MAX = 1024, SERVICE_MAX = 128, POINTER_MAX = 256 };

static bool consists_of(struct str text, const char *others)
{
    return text.size > 0 && settings_consists_of(text, others);
}

int shape_path(struct str text, struct error *err)
{
    if (settings_check_text(text, PATH_BYTES_MAX, err) < 0) {
        return -1;
    }
    return text.data[0] == '/' ? 0 : settings_wrong(err, text, "does not begin with /");
}

int shape_fact(struct str text, struct error *err)
{
    for (enum config_fact i = 0; i < CONFIG_FACT_COUNT; i++) {
        if (str_eq(text, str_of(config_fact_name(i)))) {
            return 0;
        }
    }
    return settings_wrong(err, text, "is no fact: want players, capacity, map, version or name");
}

/* RFC 6901; "" would be the whole document, which is no value of a fact. */
int shape_pointer(struct str text, struct error *err)
{
    if (settings_check_text(text, POINTER_MAX, err) < 0) {
        return -1;
    }
    return text.data[0] == '/'
               ? 0
               : settings_wrong(err, text, "is no JSON pointer: want one such as /online/count");
}

/* A token of RFC 9110, 5.6.2. */
int shape_header_name(struct str text, struct error *err)
{
    bool fits = text.size <= 64 && consists_of(text, "!#$%&'*+-.^_`|~");
    return fits ? 0 : settings_wrong(err, text, "is not the name of a header");
}

int shape_header_value(struct str text, struct error *err)
{
    return settings_check_text(text, HEADER_MAX, err);
}

static bool take_status(struct str text, uint64_t *ret)
{
    return text.size == 3 && str_to_u64(text, 599, ret) == 0 && *ret >= 100;
}

int shape_status(struct str text, struct error *err)
{
    struct str last, first = str_split(text, '-', &last);
    uint64_t from, to;
    bool range = first.size < text.size;
    if (!take_status(first, &from) || (range && (!take_status(last, &to) || to < from))) {
        return settings_wrong(err, text, "is neither a status from 100 to 599 nor a range such as 200-299");
    }
    return 0;
}

int shape_service(struct str text, struct error *err)
{
    bool fits = text.size == 0 || (text.size <= SERVICE_MAX && consists_of(text, "._-/"));
    return fits ? 0 : settings_wrong(err, text, "is not the name of a service, such as game.v1.World");
}

int shape_argument(struct str text, struct error *err)
{
    return settings_check_text(text, ARGUMENT_MAX, err);
}

int shape_user(struct str text, struct error *err)
{
    return settings_is_account(text) ? 0 : settings_wrong(err, text, "is not the name or number of a user");
}
