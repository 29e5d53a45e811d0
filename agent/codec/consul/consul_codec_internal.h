/* Shared by the sources of codec/consul. */
#ifndef OUTRIDER_CODEC_CONSUL_CONSUL_CODEC_INTERNAL_H
#define OUTRIDER_CODEC_CONSUL_CONSUL_CODEC_INTERNAL_H

#include "outrider/codec/consul/consul_response.h"

#include <jansson.h>

/* Parses `body`; NULL when it is no JSON, larger than a listing, too deep, or has too many values. The caller owns the result. */
json_t *consul_json_parse(struct str body);

/* A string member, borrowed; empty when it is absent or no string. */
struct str consul_json_text(const json_t *object, const char *key);

/* Appends the key that `object` describes. Its strings are placed by consul_kvs_place(). */
int consul_kv_read(const json_t *object, struct consul_kvs *kvs) MUST_CHECK;

/* Lets keys and values point at their bytes, which do not move any more, and sorts them. */
int consul_kvs_place(struct consul_kvs *kvs) MUST_CHECK;

/* One line for people: no control characters, cut between words. */
void consul_text_set(char text[static CONSUL_TEXT_MAX], struct str from);

static inline bool consul_ends(struct str text, struct str end)
{
    return text.size >= end.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

#endif
