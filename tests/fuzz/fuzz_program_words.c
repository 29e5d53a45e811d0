/* What a program wrote: whatever it is, facts are known or unknown, and never half of either. */
#include "must.h"

#include "outrider/codec/program/program_words.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_text(struct str output, struct str text)
{
    must(text.size <= PROGRAM_TEXT_MAX && str_is_utf8(text) && !str_has_control(text));
    must(text.size == 0 || (text.data >= output.data && text.data + text.size <= output.data + output.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str output = {(const char *)data, size};
    struct probe_facts facts;
    struct str line = program_words_read(output, &facts);
    must(line.size == 0 || (line.data >= output.data && line.data + line.size <= output.data + output.size));
    must(line.size == 0 || memchr(line.data, '\n', line.size) == NULL);
    must(facts.has_players || facts.players == 0);
    must(facts.has_capacity == (facts.capacity > 0));
    must_be_text(output, facts.map);
    must_be_text(output, facts.version);
    must_be_text(output, facts.name);
    return 0;
}
