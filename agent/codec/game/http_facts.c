#include "outrider/codec/game/http_facts.h"

#include "game_internal.h"
#include "outrider/codec/json/json_pointer.h"
#include "outrider/codec/json/json_read.h"

enum { VALUES_MAX = 8192 };

static const json_t *value_at(const json_t *document, const char *pointer)
{
    return pointer == NULL ? NULL : json_pointer(document, pointer);
}

static void set_text(char ret_text[static GAME_TEXT_MAX + 1], const json_t *document, const char *pointer)
{
    const json_t *value = value_at(document, pointer);
    if (json_is_string(value)) {
        game_set_text(ret_text, (struct str){json_string_value(value), json_string_length(value)},
                      GAME_CODES_NONE);
    }
}

void http_facts_read(struct str body, const struct http_facts_at *at, struct game_facts *ret_facts)
{
    json_error_t why;
    *ret_facts = (struct game_facts){0};
    body = str_skip_bom(body);
    if (body.size == 0 || !json_is_modest(body, VALUES_MAX)) {
        return;
    }
    json_t *document = json_loadb(body.data, body.size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);
    if (document != NULL) {
        game_set_counts(ret_facts, game_whole_number(value_at(document, at->players), -1),
                        game_whole_number(value_at(document, at->capacity), -1));
        set_text(ret_facts->map, document, at->map);
        set_text(ret_facts->version, document, at->version);
        set_text(ret_facts->name, document, at->name);
        json_decref(document);
    }
}
