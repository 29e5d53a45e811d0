#include "outrider/cli/common/cli.h"

#include "outrider/base/buf.h"
#include "outrider/codec/text/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void PRINTF_LIKE(2, 0) print_escaped(FILE *out, const char *format, va_list args)
{
    struct buf text = {0}, shown = {0};
    buf_vprintf(&text, format, args);
    printable_escape(&shown, buf_view(&text), true);
    fwrite(buf_text(&shown), 1, shown.size, out);
    buf_fini(&text);
    buf_fini(&shown);
}

void cli_print(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_escaped(out, format, args);
    va_end(args);
}

int cli_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("outrider: ", stderr);
    print_escaped(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

int cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "outrider %s: ", command->name);
    print_escaped(stderr, format, args);
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

bool cli_colour(void)
{
    const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    return isatty(STDOUT_FILENO) && !dumb && (off == NULL || off[0] == '\0');
}

const char *cli_status_colour(const char *status)
{
    static const struct {
        const char *status, *code;
    } colours[] = {{"ready", "32"},
                   {"error", "31"},
                   {"initializing", "36"},
                   {"draining", "33"},
                   {"shutting_down", "90"}};
    for (size_t i = 0; i < COUNT_OF(colours); i++) {
        if (status != NULL && strcmp(status, colours[i].status) == 0) {
            return colours[i].code;
        }
    }
    return NULL;
}

struct str cli_instance_name(const char *config_path)
{
    const char *slash = strrchr(config_path, '/');
    struct str name = str_of(slash == NULL ? config_path : slash + 1);
    struct str extension = STR(".yaml");
    bool instance = name.size > extension.size &&
                    str_eq((struct str){name.data + name.size - extension.size, extension.size}, extension);
    return instance ? (struct str){name.data, name.size - extension.size} : STR("");
}

void cli_use_unit_directory(const char *config_path)
{
    struct str name = cli_instance_name(config_path);
    if (getenv("RUNTIME_DIRECTORY") != NULL || name.size == 0) {
        return;
    }
    struct buf directory = {0};
    struct stat found;
    buf_printf(&directory, "/run/outrider/%.*s", STR_ARG(name));
    if (stat(buf_text(&directory), &found) == 0 && S_ISDIR(found.st_mode)) {
        (void)setenv("RUNTIME_DIRECTORY", buf_text(&directory), 1);
    }
    buf_fini(&directory);
}
