/* The script: one command a line. */
#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNCLAIMED_SHOWN = 40 };

void fail(const struct scenario *s, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: ", s->file, s->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n  at %lld ms; unclaimed:%s\n", (long long)s->mono,
            s->seen_count == 0 ? " nothing" : "");
    for (size_t i = 0; i < s->seen_count && i < UNCLAIMED_SHOWN; i++) {
        char text[512];
        describe(&s->seen[i].call, text);
        fprintf(stderr, "  %8lld ms  %s\n", (long long)s->seen[i].at, text);
    }
    if (s->seen_count > UNCLAIMED_SHOWN) {
        fprintf(stderr, "  and %zu more\n", s->seen_count - UNCLAIMED_SHOWN);
    }
    exit(1);
}

/* Splits at blanks; quotes keep words together and are removed. */
static size_t split(struct scenario *s, char *text, char **args)
{
    size_t count = 0;
    char *out = text;
    for (char *in = text; *in != '\0';) {
        while (*in == ' ') {
            in++;
        }
        if (*in == '\0') {
            break;
        }
        if (count == ARGS_MAX) {
            fail(s, "too many words");
        }
        args[count++] = out;
        for (bool quoted = false; *in != '\0' && (quoted || *in != ' '); in++) {
            if (*in == '"') {
                quoted = !quoted;
            } else {
                *out++ = *in;
            }
        }
        in += *in == ' ' ? 1 : 0;
        *out++ = '\0';
    }
    return count;
}

/* Ten years forward and back in turn: nothing but timestamps may change. */
static void step_wall(struct scenario *s)
{
    static const int64_t years = INT64_C(3652) * 24 * 3600000;
    s->wall += s->line % 2 == 0 ? years : -years;
}

static void run_line(struct scenario *s, char *text)
{
    char *args[ARGS_MAX];
    text[strcspn(text, "\r\n")] = '\0';
    text += strspn(text, " ");
    if (text[0] == '\0' || text[0] == '#') {
        return;
    }
    size_t length = strcspn(text, " ");
    const struct command *command = command_find((struct str){text, length});
    if (command == NULL) {
        fail(s, "no such command: %.*s", (int)length, text);
    }
    char *rest = text + length + (text[length] == ' ' ? 1 : 0);
    args[0] = rest;
    size_t count = command->raw ? 1 : split(s, rest, args);
    if (count < command->least) {
        fail(s, "%s needs more words", command->name);
    }
    if (s->starts == 0 && !command->early) {
        fail(s, "before start");
    }
    if (!command->claims) {
        expect_all_claimed(s);
    }
    if (s->wall_steps && s->router != NULL && !command->claims) {
        step_wall(s);
    }
    command->run(s, args, count);
    if (s->router != NULL && !command->claims) {
        world_advance(s, s->mono); /* run what is due now, as the agent's timer does */
    }
}

int main(int argc, char **argv)
{
    static struct scenario s = {
        .line = 0, .host = "10.0.0.5", .other_ports.mode = PORT_CLOSED, .store.kind = &memory_etcd};
    s.wall_steps = argc > 1 && strcmp(argv[1], "--wall-steps") == 0;
    s.file = argc > 1 ? argv[argc - 1] : "";
    FILE *script = argc == (s.wall_steps ? 3 : 2) ? fopen(s.file, "r") : NULL;
    if (script == NULL) {
        fprintf(stderr, "usage: scenario [--wall-steps] FILE.scn\n");
        return 64;
    }
    s.config = settings_first(&s);
    char line[2048];
    while (fgets(line, sizeof(line), script) != NULL) {
        s.line++;
        run_line(&s, line);
    }
    expect_all_claimed(&s);
    if (s.router == NULL) {
        fail(&s, "the scenario never starts");
    }
    fclose(script);
    world_end(&s);
    return 0;
}
