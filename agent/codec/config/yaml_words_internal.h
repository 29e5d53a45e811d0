/* Syntax errors of libyaml as messages for the author of the file. */
#ifndef OUTRIDER_CODEC_CONFIG_YAML_WORDS_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_YAML_WORDS_INTERNAL_H

#include "yaml_tree_internal.h"

/* libyaml's typedef of this struct is yaml_parser_t. */
struct yaml_parser_s;

/* Fills `fault` with the error of `parser` in `text`, and the position at which to look for it. */
void yaml_words(const struct yaml_parser_s *parser, struct str text, struct yaml_fault *fault);

#endif
