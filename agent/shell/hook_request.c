#include "outrider/shell/hook_request.h"

#include "outrider/base/duration.h"
#include "outrider/codec/text/printable.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 200 };

/* The texts, one after the other, each ended by NUL; the list of them is made once none moves any more. */
static void begin(struct hook_request *request, const char *name)
{
    request->program.variable_count++;
    buf_printf(&request->texts, "OUTRIDER_%s=", name);
}

static void end(struct hook_request *request)
{
    buf_add(&request->texts, "", 1);
}

/* An operator or the server wrote it: one line. */
static void add_text(struct hook_request *request, const char *name, const char *text)
{
    begin(request, name);
    printable_add(&request->texts, str_of(text), SIZE_MAX, ' ');
    end(request);
}

static void add_number(struct hook_request *request, const char *name, bool known, int64_t number)
{
    begin(request, name);
    if (known) {
        buf_printf(&request->texts, "%" PRId64, number);
    }
    end(request);
}

static void add_deadline(struct hook_request *request, const struct hook_news *news,
                         const struct instant *now)
{
    bool has = news->deadline_mono != NEVER_MS;
    int64_t left = has && news->deadline_mono > now->mono ? news->deadline_mono - now->mono : 0;
    char time[32] = "";
    add_text(request, "DEADLINE", has ? timestamp_format(news->deadline_wall, time) : "");
    add_number(request, "DEADLINE_SECONDS", has, left > 0 ? (left - 1) / 1000 + 1 : 0);
}

static void add_ports(struct hook_request *request, const struct hook_about *about)
{
    begin(request, "PORTS");
    for (size_t i = 0; i < about->port_count; i++) {
        buf_printf(&request->texts, "%s%u", i == 0 ? "" : ",", about->ports[i]);
    }
    end(request);
}

void hook_request_init(struct hook_request *request, const struct config_hook *config,
                       const struct hook_news *news, const struct hook_about *about,
                       const struct instant *now)
{
    *request = (struct hook_request){.program = {.timeout_ms = config->timeout_ms,
                                                 .user = config->user == NULL ? "" : config->user,
                                                 .word_count = config->command_count}};
    for (size_t i = 0; i < config->command_count; i++) {
        request->program.words[i] = config->command[i];
    }
    add_text(request, "EVENT", config_hook_event_name(news->event));
    add_text(request, "TYPE", about->type);
    add_text(request, "ID", about->id);
    add_text(request, "HOST", about->host);
    add_ports(request, about);
    add_text(request, "STATUS", news->status);
    add_text(request, "REASON", news->reason);
    add_text(request, "BY", news->by);
    add_deadline(request, news, now);
    add_number(request, "PLAYERS", news->has_players, news->players);
    if (news->scope[0] != '\0') {
        add_text(request, "SCOPE", news->scope);
        add_number(request, "TOKEN", true, news->token);
    }
    const char *text = request->texts.data;
    for (size_t i = 0; i < request->program.variable_count; i++) {
        request->program.variables[i] = text;
        text += strlen(text) + 1;
    }
}

void hook_request_fini(struct hook_request *request)
{
    buf_fini(&request->texts);
}

enum hook_result hook_result_of(const struct program_result *result)
{
    switch (result->end) {
    case PROGRAM_EXITED: return result->code == 0 ? HOOK_OK : HOOK_FAILED;
    case PROGRAM_KILLED: return HOOK_FAILED;
    case PROGRAM_TIMED_OUT: return HOOK_TIMED_OUT;
    case PROGRAM_NOT_STARTED: break;
    }
    return HOOK_NOT_STARTED;
}

void hook_describe_result(const struct program_result *result, struct buf *out)
{
    struct str rest, line = {NULL, 0};
    size_t before = out->size;
    for (rest = result->output; rest.size > 0 && line.size == 0;) {
        line = str_trim(str_split(rest, '\n', &rest));
    }
    if (result->end == PROGRAM_EXITED && result->code != 0) {
        buf_printf(out, "exit status %d", result->code);
    } else if (result->end == PROGRAM_KILLED) {
        buf_printf(out, "ended by signal %s", sigabbrev_np(result->code));
    } else if (result->end == PROGRAM_TIMED_OUT) {
        buf_printf(out, "timed out");
    }
    buf_str(out, out->size > before && line.size > 0 ? STR(": ") : STR(""));
    printable_add(out, line, SHOWN_MAX, '?');
}
