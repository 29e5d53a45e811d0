#include "outrider/cli/common/cli.h"

#include <stdio.h>

/* ---- options ---- */

enum { OPTIONS_MAX = 64, COMMANDS_MAX = 32 };

/* The commands that ask an agent, and those that read a configuration. */
enum {
    CLI_OF_AGENT = CLI_STATUS | CLI_DRAIN | CLI_UNDRAIN | CLI_SERVICES | CLI_PLACE | CLI_LEADER |
                   CLI_SESSIONS | CLI_DRAINS | CLI_AUDIT | CLI_TELL,
    CLI_KV_SHOWS = CLI_RANGE | CLI_KV_PUT | CLI_KV_TXN | CLI_LEASE_TTL, /* those that print keys and values */
    CLI_OF_CONFIG = CLI_OF_AGENT | CLI_AGENT | CLI_CHECK | CLI_SEND | CLI_KV | CLI_HOOKS
};

/* With a value, with several (`value` is then the first), or a flag. */
struct option {
    const char *name;
    char letter; /* 'c' for -c; 0: none */
    const char **value;
    bool *flag;
    unsigned bits; /* the commands that take it */
};

/* Lists the options that one of the commands `bits` takes. */
static size_t list_options(struct cli_given *given, unsigned bits,
                           struct option ret_options[static OPTIONS_MAX])
{
    const unsigned of_agent = CLI_OF_AGENT;
    const struct option all[] = {
        {"--config", 'c', &given->config, NULL, CLI_OF_CONFIG},
        {"--agent", 0, &given->agent, NULL, of_agent},
        {"--json", 0, NULL, &given->json,
         CLI_STATUS | CLI_SERVICES | CLI_PLACE | CLI_LEADER | CLI_KV | CLI_SESSIONS | CLI_DRAINS | CLI_AUDIT |
             CLI_TELL},
        {"--live", 0, NULL, &given->live, CLI_CHECK},
        {"--is", 0, &given->is, NULL, CLI_STATUS},
        {"--token-file", 0, &given->token_file, NULL, CLI_OF_AGENT},
        {"--id", 0, &given->id, NULL, CLI_DRAIN | CLI_UNDRAIN | CLI_ALLOCATE},
        {"--by", 0, &given->by, NULL, CLI_DRAIN | CLI_UNDRAIN | CLI_DRAINS},
        {"--reason", 0, &given->reason, NULL, CLI_DRAIN | CLI_DRAINS},
        {"--deadline", 0, &given->deadline, NULL, CLI_DRAIN | CLI_DRAINS},
        {"--expires", 0, &given->expires, NULL, CLI_DRAIN},
        {"--wait", 0, NULL, &given->wait, CLI_DRAIN},
        {"--flapping", 0, NULL, &given->flapping, CLI_UNDRAIN},
        {"--wave", 0, &given->wave, NULL, CLI_DRAINS},
        {"--max-draining", 0, &given->max_draining, NULL, CLI_DRAINS},
        {"--free-seats", 0, &given->free_seats, NULL, CLI_DRAINS},
        {"--no-keep-one", 0, NULL, &given->keep_none, CLI_DRAINS},
        {"--pause", 0, &given->pause, NULL, CLI_DRAINS},
        {"--settle", 0, &given->settle, NULL, CLI_DRAINS},
        {"--stop-after", 0, &given->stop_after, NULL, CLI_DRAINS},
        {"--then", 0, &given->then, NULL, CLI_DRAINS},
        {"--plan", 0, &given->plan, NULL, CLI_DRAINS},
        {"--socket", 0, &given->socket, NULL, CLI_SEND},
        {"--type", 0, &given->type, NULL, CLI_SERVICES | CLI_SESSIONS | CLI_DRAINS},
        {"--status", 0, &given->status, NULL, CLI_SERVICES | CLI_DRAINS},
        {"--region", 0, &given->region, NULL, CLI_SERVICES | CLI_PLACE | CLI_DRAINS},
        {"--zone", 0, &given->zone, NULL, CLI_SERVICES | CLI_PLACE | CLI_DRAINS},
        {"--group", 0, &given->group, NULL, CLI_SERVICES | CLI_PLACE | CLI_DRAINS},
        {"--tag", 0, given->tags.values, NULL, CLI_SERVICES | CLI_PLACE | CLI_DRAINS},
        {"--label", 0, given->labels.values, NULL, CLI_SERVICES | CLI_PLACE | CLI_DRAINS},
        {"--include", 0, &given->include, NULL, CLI_SERVICES},
        {"--offline", 0, NULL, &given->offline, CLI_SERVICES},
        {"--watch", 0, NULL, &given->watch, CLI_SERVICES | CLI_SESSIONS | CLI_AUDIT},
        {"--who", 0, &given->who, NULL, CLI_AUDIT},
        {"--what", 0, &given->what, NULL, CLI_AUDIT},
        {"--target", 0, &given->target, NULL, CLI_AUDIT},
        {"--outcome", 0, &given->outcome, NULL, CLI_AUDIT},
        {"--from", 0, &given->from, NULL, CLI_AUDIT},
        {"--to", 0, &given->to, NULL, CLI_AUDIT},
        {"--key", 0, &given->key, NULL, CLI_PLACE},
        {"--player", 0, &given->player, NULL, CLI_ROUTE | CLI_SESSIONS},
        {"--server", 0, &given->server, NULL, CLI_SESSIONS},
        {"--strategy", 0, &given->strategy, NULL, CLI_PLACE},
        {"--near", 0, &given->near, NULL, CLI_PLACE},
        {"--seats", 0, &given->seats, NULL, CLI_PLACE},
        {"--count", 0, &given->count, NULL, CLI_ROUTE},
        {"--exclude", 0, given->excluded.values, NULL, CLI_PLACE},
        {"--ttl", 0, &given->ttl, NULL, CLI_ALLOCATE | CLI_KV_LOCK | CLI_TELL},
        {"--prefix", 0, NULL, &given->prefix, CLI_RANGE},
        {"--from-key", 0, NULL, &given->from_key, CLI_RANGE},
        {"--limit", 0, &given->limit, NULL, CLI_KV_GET | CLI_AUDIT},
        {"--rev", 0, &given->revision, NULL, CLI_KV_GET | CLI_KV_WATCH},
        {"--keys-only", 0, NULL, &given->keys_only, CLI_KV_GET},
        {"--count-only", 0, NULL, &given->count_only, CLI_KV_GET},
        {"--print-value-only", 0, NULL, &given->values_only, CLI_KV_GET},
        {"--lease", 0, &given->lease, NULL, CLI_KV_PUT},
        {"--prev-kv", 0, NULL, &given->previous, CLI_KV_PUT | CLI_KV_DEL},
        {"--keys", 0, NULL, &given->lease_keys, CLI_LEASE_TTL},
        {"--wait", 0, &given->patience, NULL, CLI_KV_LOCK},
        {"--once", 0, NULL, &given->once, CLI_LEASE_KEEP},
        {"--raw", 0, NULL, &given->raw, CLI_KV_SHOWS},
    };
    _Static_assert(COUNT_OF(all) <= OPTIONS_MAX, "OPTIONS_MAX has room for every option");
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if ((all[i].bits & bits) != 0) {
            ret_options[count++] = all[i];
        }
    }
    return count;
}

static int unknown_option(const struct command *command, const char *word, const struct option *options,
                          size_t count)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    const char *near = count == 0 ? NULL : cli_nearest(name, &options[0].name, count, sizeof(options[0]));
    return near == NULL ? cli_usage(command, "unknown option `%s`", name)
                        : cli_usage(command, "unknown option `%s`: did you mean `%s`?", name, near);
}

/* The option that `word` names, and the value written in the same word (NULL: none). */
static const struct option *find_option(const char *word, const struct option *options, size_t count,
                                        const char **ret_value)
{
    size_t size = strcspn(word, "=");
    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) == size && strncmp(word, options[i].name, size) == 0) {
            *ret_value = word[size] == '=' ? word + size + 1 : NULL;
            return &options[i];
        }
        if (word[1] == options[i].letter && word[1] != '-' && options[i].letter != 0) {
            *ret_value = word[2] == '\0' ? NULL : word + 2;
            return &options[i];
        }
    }
    return NULL;
}

static bool take_value(struct cli_line *line, const struct option *option, const char *value)
{
    struct cli_given *given = &line->given;
    struct cli_values *values = option->value == given->tags.values       ? &given->tags
                                : option->value == given->labels.values   ? &given->labels
                                : option->value == given->excluded.values ? &given->excluded
                                                                          : NULL;
    if (values != NULL && values->count == CLI_VALUES_MAX) {
        (void)cli_usage(line->command, "`%s` is given more than %d times", option->name, CLI_VALUES_MAX);
        return false;
    }
    option->value[values == NULL ? 0 : values->count++] = value;
    return true;
}

/* Takes the option that `rest` begins with, and its value. Returns false when the program must end with `ret_exit`. */
static bool take_option(struct cli_line *line, struct cli_args *rest, int *ret_exit)
{
    struct option options[OPTIONS_MAX];
    size_t count = list_options(&line->given, line->command->bits, options);
    const char *word = rest->words[0], *value = NULL;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_help(line->command);
        *ret_exit = EX_DONE;
        return false;
    }
    *ret_exit = EX_USAGE;
    const struct option *option = find_option(word, options, count, &value);
    if (option == NULL) {
        (void)unknown_option(line->command, word, options, count);
        return false;
    }
    if (option->flag != NULL && value != NULL) {
        (void)cli_usage(line->command, "`%s` takes no value", option->name);
        return false;
    }
    bool in_next = option->flag == NULL && value == NULL;
    if (in_next && rest->count < 2) {
        (void)cli_usage(line->command, "`%s` needs a value", word);
        return false;
    }
    if (option->flag != NULL) {
        *option->flag = true;
    } else if (!take_value(line, option, in_next ? rest->words[1] : value)) {
        return false;
    }
    size_t used = in_next ? 2 : 1;
    *rest = (struct cli_args){.words = rest->words + used, .count = rest->count - used};
    return true;
}

/* ---- the name of the command ---- */

/* The command `word` below `above`; NULL when there is none. A word with a blank names none, though a row is named so. */
static const struct command *find_below(const struct command *table, size_t count,
                                        const struct command *above, const char *word)
{
    size_t size = above == NULL ? 0 : strlen(above->name);
    for (size_t i = 0; i < count && strchr(word, ' ') == NULL; i++) {
        const char *name = table[i].name;
        bool below = size == 0 || (strncmp(name, above->name, size) == 0 && name[size] == ' ');
        if (below && strcmp(name + size + (size == 0 ? 0 : 1), word) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

const struct command *cli_below(const struct command *table, size_t count, const struct command *above,
                                const char *word)
{
    const char *names[COMMANDS_MAX] = {0};
    char hint[64] = "";
    size_t used = 0;
    const struct command *found = find_below(table, count, above, word);
    for (size_t i = 0; found == NULL && i < count && used < COUNT_OF(names); i++) {
        const char *blank = strrchr(table[i].name, ' '), *last = blank == NULL ? table[i].name : blank + 1;
        if (find_below(table, count, above, last) == &table[i]) {
            names[used++] = last;
        }
    }
    const char *near = cli_nearest(word, names, used, sizeof(names[0]));
    if (near != NULL) {
        snprintf(hint, sizeof(hint), ": did you mean `%s`?", near);
    }
    for (size_t i = 0; near == NULL && found == NULL && above == NULL && i < count; i++) {
        const char *blank = strrchr(table[i].name, ' ');
        if (blank != NULL && strcmp(blank + 1, word) == 0) {
            near = table[i].name;
            snprintf(hint, sizeof(hint), ": did you mean `%s`?", near);
        }
    }
    if (found == NULL && above == NULL) {
        (void)cli_fail(EX_USAGE, "unknown command `%s`%s", word,
                       near == NULL ? ": see `outrider help`" : hint);
    } else if (found == NULL) {
        (void)cli_usage(above, "unknown command `%s`%s", word, hint);
    }
    return found;
}

/* ---- the line ---- */

static bool ends_with(const char *word, const char *end)
{
    size_t size = strlen(word), length = strlen(end);
    return size >= length && strcmp(word + size - length, end) == 0;
}

static int unexpected_word(const struct cli_line *line)
{
    const char *word = line->words.words[line->command->words_max];
    bool file = ends_with(word, ".yaml") || ends_with(word, ".yml");
    return file && (line->command->bits & CLI_OF_CONFIG) != 0 && line->given.config == NULL
               ? cli_usage(line->command, "unexpected word `%s`: did you mean `-c %s`?", word, word)
               : cli_usage(line->command, "unexpected word `%s`", word);
}

/* Refuses what was taken before the name of the command was known, and a wrong number of words. */
static int check_line(struct cli_line *line)
{
    const struct command *command = line->command;
    struct option options[OPTIONS_MAX];
    size_t count = list_options(&line->given, UINT32_MAX, options);
    if (command->run == NULL) {
        return cli_usage(command, "what is to be done?");
    }
    for (size_t i = 0; i < count; i++) {
        bool given = options[i].flag != NULL ? *options[i].flag : *options[i].value != NULL;
        if (given && (options[i].bits & command->bits) == 0) {
            return cli_usage(command, "unknown option `%s`", options[i].name);
        }
    }
    if (line->given.config != NULL && line->given.config[0] == '\0') {
        /* An empty variable of a shell must not stand for the default file. */
        return cli_usage(command, "`-c` names no file: its value is empty");
    }
    if (line->words.count < command->words_min) {
        return cli_usage(command, "an argument is missing");
    }
    return line->words.count <= command->words_max ? 0 : unexpected_word(line);
}

/* Moves a word up to those that were taken before it; options and names in between move down. */
static void take_word(struct cli_args *taken, char **word)
{
    char *moved = *word, **end = &taken->words[taken->count++];
    memmove(end + 1, end, (size_t)(word - end) * sizeof(*end));
    *end = moved;
}

/* `outrider --help` is `outrider help`. */
static const char *name_of(const char *word)
{
    bool help = strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
    return help ? "help" : strcmp(word, "--version") == 0 ? "version" : word;
}

bool cli_read(const struct command *table, size_t count, struct cli_args args, struct cli_line *ret_line,
              int *ret_exit)
{
    struct cli_line *line = ret_line;
    struct cli_args rest = args;
    bool plain = false; /* only words follow */
    *line = (struct cli_line){.words.words = args.words};
    while (rest.count > 0) {
        char **word = rest.words;
        bool is_option = line->command != NULL && (line->command->bits & CLI_PROBE) == 0 && !plain &&
                         (*word)[0] == '-' && (*word)[1] != '\0';
        if (is_option && strcmp(*word, "--") != 0) {
            if (!take_option(line, &rest, ret_exit)) {
                return false;
            }
            continue;
        }
        rest = (struct cli_args){.words = rest.words + 1, .count = rest.count - 1};
        if (is_option) {
            plain = true;
        } else if (line->command != NULL && line->command->run != NULL) {
            take_word(&line->words, word);
            plain = plain || line->command->options_first;
        } else {
            line->command = cli_below(table, count, line->command, name_of(*word));
            *ret_exit = EX_USAGE;
            if (line->command == NULL) {
                return false;
            }
        }
    }
    *ret_exit = check_line(line);
    return *ret_exit == 0;
}
