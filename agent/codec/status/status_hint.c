/* What was probably meant by a refused word: the reply carries it, because the author of a game server reads nothing
 * else while the server is being written. */
#include "message_parse_internal.h"

#include "outrider/base/brief.h"
#include "outrider/codec/text/printable.h"

enum { NAME_SHOWN_MAX = 48 };

static const char *const words[] = {"initializing", "ready",  "shutting_down", "error", "drain", "undrain",
                                    "heartbeat",    "attach", "get",           "watch", "quit"};

/* What follows the `=` of a key. */
static const struct {
    const char *key, *example, *expects;
} keys[] = {
    {"players", "players=12", "a number, or PLAYERS/CAPACITY as in 12/64"},
    {"capacity", "capacity=64", "a number"},
    {"ports", "ports=8001,8002", "up to 64 different ports, from 1 to 65535, separated by commas"},
    {"drain", "drain=540", "a duration such as 9m, or a number of seconds; 0: no deadline"},
    {"heartbeat", "heartbeat=30s", "a duration such as 30s, or a number of seconds; 0: off"},
    {"claim", "claim=p-7", "the id of a reservation; up to 16 of them on one line"},
};

/* Words of other protocols and of people. */
static const struct {
    const char *word, *meant;
} others[] = {
    {"ok", "ready"},
    {"up", "ready"},
    {"online", "ready"},
    {"running", "ready"},
    {"healthy", "ready"},
    {"started", "ready"},
    {"starting", "initializing"},
    {"loading", "initializing"},
    {"init", "initializing"},
    {"stopping", "shutting_down"},
    {"stopped", "shutting_down"},
    {"stop", "shutting_down"},
    {"shutdown", "shutting_down"},
    {"exiting", "shutting_down"},
    {"offline", "shutting_down"},
    {"down", "shutting_down"},
    {"failed", "error"},
    {"failure", "error"},
    {"crashed", "error"},
    {"unhealthy", "error"},
    {"draining", "drain"},
    {"ping", "heartbeat"},
    {"alive", "heartbeat"},
};

/* The nearest of the words, or of the keys; NULL: none is near. A greater distance is another word, no typing error. */
static const char *nearest(struct str given, const char *const *names, size_t count, size_t stride)
{
    const char *best = NULL;
    size_t closest = given.size / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)((const void *)((const char *)names + i * stride));
        size_t distance = str_eq_nocase(given, str_of(name)) ? 0 : str_distance(given, str_of(name));
        if (distance < closest && distance < given.size) {
            closest = distance;
            best = name;
        }
    }
    return best;
}

static const char *word_meant(struct str given)
{
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq_nocase(given, str_of(others[i].word))) {
            return others[i].meant;
        }
    }
    return nearest(given, words, COUNT_OF(words), sizeof(words[0]));
}

static size_t key_index(struct str key)
{
    size_t i = 0;
    while (i < COUNT_OF(keys) && !str_eq_nocase(key, str_of(keys[i].key))) {
        i++;
    }
    return i;
}

static bool is_word(struct str given)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq_nocase(given, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static int say(struct status_line_error *error, const char *before, const char *meant, const char *after)
{
    brief_format(error->hint, sizeof(error->hint), "%s%s%s", before, meant, after);
    return -1;
}

static bool has(struct str text, char c)
{
    return text.size > 0 && memchr(text.data, c, text.size) != NULL;
}

int status_hint_word(struct status_line_error *error, struct str word)
{
    struct str rest, name = str_split(word, ':', &rest);
    size_t key = key_index(name);
    const char *meant = word_meant(word);
    if (word.size == 0) {
        return -1;
    }
    if (word.data[0] == '{' || word.data[0] == '[') {
        return say(error, "a line has words, not JSON, as in `ready players=12/64`", "", "");
    }
    if (has(word, '\t') || has(word, ',') || has(word, ';')) {
        return say(error, "separate words with blanks", "", "");
    }
    if (key < COUNT_OF(keys)) {
        return say(error, "did you mean `", keys[key].example, "`, without blanks around the `=`?");
    }
    if (str_eq_nocase(name, STR("label")) || str_starts(name, STR("label."))) {
        return say(error, "did you mean `label.map=harbor`, without blanks around the `=`?", "", "");
    }
    return meant == NULL ? -1 : say(error, "did you mean `", meant, "`?");
}

int status_hint_key(struct status_line_error *error, struct str key, struct str value)
{
    char name[NAME_SHOWN_MAX];
    const char *word = word_meant(value);
    const char *meant = nearest(key, &keys[0].key, COUNT_OF(keys), sizeof(keys[0]));
    printable_copy(name, sizeof(name), key, '?');
    if (has(key, ',') || has(key, ';') || has(key, '\t')) {
        return say(error, "separate words with blanks", "", "");
    }
    if (str_eq_nocase(key, STR("status")) || str_eq_nocase(key, STR("state"))) {
        return say(error, "a status is a word alone: did you mean `", word == NULL ? "ready" : word, "`?");
    }
    if (is_word(key)) {
        return say(error, "it takes no value: did you mean `", word_meant(key), "`?");
    }
    if (meant != NULL) {
        return say(error, "did you mean `", meant, "=`?");
    }
    if (str_starts(key, STR("label."))) {
        return say(error, "the name of a label has letters, digits, `_`, `.` and `-`", "", "");
    }
    return key.size == 0 || key.size >= sizeof(name)
               ? -1
               : say(error, "for a label, write `label.", name, "=...`");
}

int status_hint_value(struct status_line_error *error, struct str key)
{
    size_t i = key_index(key);
    if (i < COUNT_OF(keys)) {
        return say(error, "it takes ", keys[i].expects, "");
    }
    return -1;
}
