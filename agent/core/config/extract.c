#include "outrider/core/config/extract.h"

#include "settings_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATTERN_MAX = 256, REPEATS_MAX = 100 };

struct extract {
    regex_t compiled;
};

/* References make a search exponential in the text; the character after a backslash stands for itself otherwise. */
static bool has_reference(struct str pattern)
{
    for (size_t i = 0; i + 1 < pattern.size; i++) {
        if (pattern.data[i] == '\\') {
            i++;
            if (pattern.data[i] >= '1' && pattern.data[i] <= '9') {
                return true;
            }
        }
    }
    return false;
}

/* Nested repetitions such as ((a{99}){99}){99} are written out when they are compiled. */
static uint64_t repeats(struct str pattern)
{
    uint64_t product = 1;
    for (size_t i = 0; i < pattern.size; i++) {
        uint64_t most = 1, number = 0;
        for (size_t at = i + 1; pattern.data[i] == '{' && at < pattern.size && pattern.data[at] != '}';
             at++) {
            bool digit = pattern.data[at] >= '0' && pattern.data[at] <= '9';
            number =
                digit && number < REPEATS_MAX * 10 ? number * 10 + (uint64_t)(pattern.data[at] - '0') : 0;
            most = number > most ? number : most;
        }
        product = product > REPEATS_MAX ? product : product * most;
    }
    return product;
}

int extract_check(struct str pattern, struct error *err)
{
    regex_t compiled;
    char text[PATTERN_MAX + 1], why[128];
    if (settings_check_text(pattern, PATTERN_MAX, err) < 0) {
        return -1;
    }
    if (has_reference(pattern)) {
        return settings_wrong(err, pattern, "refers back to a group, which is not supported");
    }
    if (repeats(pattern) > REPEATS_MAX) {
        return settings_wrong(err, pattern, "repeats more than 100 times in all");
    }
    snprintf(text, sizeof(text), "%.*s", STR_ARG(pattern));
    int failure = regcomp(&compiled, text, REG_EXTENDED);
    if (failure != 0) {
        char words[64];
        regerror(failure, &compiled, words, sizeof(words));
        snprintf(why, sizeof(why), "is no extended regular expression: %s", words);
        return settings_wrong(err, pattern, why);
    }
    size_t groups = compiled.re_nsub;
    regfree(&compiled);
    return groups > 0 ? 0 : settings_wrong(err, pattern, "has no group: put the number into (...)");
}

struct extract *extract_new(const char *pattern)
{
    if (pattern == NULL) {
        return NULL;
    }
    struct extract *extract = mem_zalloc(sizeof(*extract));
    if (regcomp(&extract->compiled, pattern, REG_EXTENDED) != 0) {
        abort(); /* it has passed extract_check() */
    }
    return extract;
}

void extract_free(struct extract *extract)
{
    if (extract != NULL) {
        regfree(&extract->compiled);
        free(extract);
    }
}

bool extract_count(const struct extract *extract, const char *text, uint32_t *ret_count)
{
    regmatch_t groups[2];
    uint64_t count;
    if (extract == NULL || regexec(&extract->compiled, text, 2, groups, 0) != 0 || groups[1].rm_so < 0) {
        return false;
    }
    struct str digits = {text + groups[1].rm_so, (size_t)(groups[1].rm_eo - groups[1].rm_so)};
    if (str_to_u64(digits, UINT32_MAX, &count) < 0) {
        return false;
    }
    *ret_count = (uint32_t)count;
    return true;
}
