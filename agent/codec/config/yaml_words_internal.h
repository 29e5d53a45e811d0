/* What libyaml says about a syntax error, in words for the person who wrote the file. */
#ifndef OUTRIDER_CODEC_CONFIG_YAML_WORDS_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_YAML_WORDS_INTERNAL_H

#include "yaml_tree_internal.h"

/* libyaml's typedef of this struct is yaml_parser_t. */
struct yaml_parser_s;

/* Says in `fault` what `parser` stumbled over in `text`, and where a person would look for it. */
void yaml_words(const struct yaml_parser_s *parser, struct str text, struct yaml_fault *fault);

#endif
