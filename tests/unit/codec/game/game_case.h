/* Queries and answers of the tests of codec/game. */
#ifndef OUTRIDER_TESTS_GAME_CASE_H
#define OUTRIDER_TESTS_GAME_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/game/game.h"

/* A query with the nonce 1122334455667788, of localhost:25565. */
struct game_query game_case(void);

/* What the query sends next is exactly these bytes. */
void assert_request(game_request_fn *request, const struct game_query *query, struct str bytes);

/* -1: unknown. */
void assert_counts(const struct game_query *query, int64_t players, int64_t capacity);
void assert_texts(const struct game_query *query, const char *name, const char *map, const char *version);

/* What a query that has found nothing looks like. */
void assert_no_facts(const struct game_query *query);

#endif
