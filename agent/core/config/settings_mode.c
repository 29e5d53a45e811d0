/* Permission bits. What is not the mode that was meant opens a file to others, or closes it to its owner. */
#include "settings_internal.h"

#include <stdio.h>

enum { MODE_OWNER = 0600 };

/* The mode whose decimal number `text` is, as tools for YAML and JSON turn 0660 into 432; 0 where it is none. */
static unsigned mode_of_decimal(const struct setting *row, struct str text)
{
    uint64_t number;
    bool decimal = str_to_u64(text, (uint64_t)row->max, &number) == 0 && text.data[0] != '0';
    return decimal && (number & MODE_OWNER) == MODE_OWNER ? (unsigned)number : 0;
}

static int not_a_mode(const struct setting *row, const char *why, struct str text, struct error *err)
{
    char what[128];
    unsigned meant = mode_of_decimal(row, text);
    if (meant != 0) {
        snprintf(what, sizeof(what), "%s: want a mode such as \"0%o\", which is %u in decimal", why, meant,
                 meant);
    } else {
        snprintf(what, sizeof(what), "%s: want a mode such as \"0660\"", why);
    }
    return settings_wrong(err, text, what);
}

int settings_parse_mode(const struct setting *row, void *value, struct str text, struct error *err)
{
    unsigned mode = 0;
    struct str digits = str_starts(text, STR("0o")) ? (struct str){text.data + 2, text.size - 2} : text;
    bool fits = digits.size > 0 && digits.size <= 6;
    for (size_t i = 0; fits && i < digits.size; i++) {
        fits = digits.data[i] >= '0' && digits.data[i] <= '7';
        mode = mode * 8 + (unsigned)(digits.data[i] - '0');
    }
    if (!fits) {
        return not_a_mode(row, "is not octal", text, err);
    }
    if (mode > (unsigned)row->max) {
        return not_a_mode(row, "is more than the permissions 0777", text, err);
    }
    if ((mode & MODE_OWNER) != MODE_OWNER) {
        return not_a_mode(row, "keeps its owner from reading or writing", text, err);
    }
    *(unsigned *)value = mode;
    return 0;
}
