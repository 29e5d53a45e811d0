/* What a program says of the server by what it writes: the first line is for people, and lines that begin `outrider:` carry words.
 *
 *     outrider: players=12/64 label.map=harbor version=1.4 name="The Harbor"
 *
 * `players=N` or `players=N/CAPACITY`, `capacity=N`, `map`, `version` and `name`, the last two and `map` also as `label.NAME`. A word
 * that is none of these is passed over, a later one of the same name wins. What is not known is unknown and never 0: a count that is
 * no number of 32 bits, a capacity of 0 and the players beside it, a text over PROGRAM_TEXT_MAX bytes, not UTF-8 or with a control
 * character. */
#ifndef OUTRIDER_CODEC_PROGRAM_PROGRAM_WORDS_H
#define OUTRIDER_CODEC_PROGRAM_PROGRAM_WORDS_H

#include "outrider/base/str.h"
#include "outrider/core/probe/verdict.h"

enum { PROGRAM_TEXT_MAX = 256 };

/* Reads any bytes. Returns the first line that has no words, without blanks at its ends, empty when there is none; it and the texts of
 * the facts are borrowed of `output`. */
struct str program_words_read(struct str output, struct probe_facts *ret_facts);

#endif
