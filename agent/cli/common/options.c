#include "outrider/cli/common/cli.h"

#include "outrider/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int cli_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("outrider: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

int cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "outrider %s: ", command->name);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: outrider %s%s%s\n", command->name, command->usage[0] == '\0' ? "" : " ",
            command->usage);
    return EX_USAGE;
}

void cli_pause_ms(int64_t ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&span, &span) < 0) {
    }
}

const char *cli_nearest(const char *word, const char *const *names, size_t count, size_t stride)
{
    const char *best = NULL;
    size_t length = strlen(word);
    size_t closest = length / 3 + 2; /* a greater distance is another word, not a typing error */
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)((const void *)((const char *)names + i * stride));
        size_t distance = str_distance(str_of(word), str_of(name));
        if (distance < closest && distance < length) {
            closest = distance;
            best = name;
        }
    }
    return best;
}

void cli_help(const struct command *command)
{
    printf("outrider %s: %s\n\nusage: outrider %s%s%s\n", command->name, command->help, command->name,
           command->usage[0] == '\0' ? "" : " ", command->usage);
    if (command->more[0] != '\0') {
        printf("\n%s", command->more);
    }
}

static int unknown_option(const struct command *command, const char *word, size_t size,
                          const struct cli_option *options, size_t count)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)size, word);
    const char *near = count == 0 ? NULL : cli_nearest(name, &options[0].name, count, sizeof(options[0]));
    if (near != NULL) {
        return cli_usage(command, "unknown option `%s`: did you mean `%s`?", name, near);
    }
    return cli_usage(command, "unknown option `%s`", name);
}

/* The option that `word` names, and the value written in the same word (NULL: none). */
static const struct cli_option *find_option(const char *word, const struct cli_option *options, size_t count,
                                            const char **ret_value)
{
    size_t size = strcspn(word, "=");
    for (size_t i = 0; i < count; i++) {
        bool is_long = strlen(options[i].name) == size && strncmp(word, options[i].name, size) == 0;
        bool is_short = word[1] == options[i].letter && word[1] != '-' && options[i].letter != 0;
        if (is_long) {
            *ret_value = word[size] == '=' ? word + size + 1 : NULL;
            return &options[i];
        }
        if (is_short) {
            *ret_value = word[2] == '\0' ? NULL : word + 2;
            return &options[i];
        }
    }
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Parses the option at args.words[at]; returns the number of words it takes, or 0 after a usage error. */
static size_t take_option(const struct command *command, struct cli_args args, size_t at,
                          const struct cli_option *options, size_t count)
{
    const char *word = args.words[at], *value;
    const struct cli_option *option = find_option(word, options, count, &value);
    if (option == NULL) {
        (void)unknown_option(command, word, strcspn(word, "="), options, count);
        return 0;
    }
    if (option->flag != NULL) {
        if (value != NULL) {
            (void)cli_usage(command, "`%s` takes no value", option->name);
            return 0;
        }
        *option->flag = true;
        return 1;
    }
    size_t used = 1;
    if (value == NULL && at + 1 < args.count) {
        value = args.words[at + 1];
        used = 2;
    }
    if (value == NULL) {
        (void)cli_usage(command, "`%s` needs a value", word);
        return 0;
    }
    *option->value = value;
    return used;
}

bool cli_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                 size_t count, struct cli_args *ret_words, int *ret_exit)
{
    size_t at = 0;
    while (at < args.count && args.words[at][0] == '-' && args.words[at][1] != '\0') {
        if (strcmp(args.words[at], "--") == 0) {
            at++;
            break;
        }
        if (asks_for_help(args.words[at])) {
            cli_help(command);
            *ret_exit = EX_DONE;
            return false;
        }
        size_t used = take_option(command, args, at, options, count);
        if (used == 0) {
            *ret_exit = EX_USAGE;
            return false;
        }
        at += used;
    }
    *ret_words = (struct cli_args){.words = args.words + at, .count = args.count - at};
    return true;
}

bool cli_only_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                      size_t count, int *ret_exit)
{
    struct cli_args words;
    if (!cli_options(command, args, options, count, &words, ret_exit)) {
        return false;
    }
    if (words.count > 0) {
        *ret_exit = cli_usage(command, "unexpected word `%s`", words.words[0]);
        return false;
    }
    return true;
}
