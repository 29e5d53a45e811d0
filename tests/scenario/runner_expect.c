/* Claims about effects. Within a kind their order counts; an unclaimed effect ends the scenario. */
#include "runner.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

const char *kind_of(const struct fake_call *call)
{
    static const char *const kinds[] = {
        [FAKE_TRY] = "try",
        [FAKE_CANCEL_TRIES] = "cancel",
        [FAKE_REQUEST] = "request",
        [FAKE_WATCH_PID] = "watch-pid",
        [FAKE_TERMINATE] = "terminate",
        [FAKE_LOOK_UP_HOST] = "host",
        [FAKE_TELL_DRAIN] = "emit",
        [FAKE_SAVE] = "save",
        [FAKE_STATUS] = "status",
        [FAKE_NOTE] = "note",
        [FAKE_DRAIN_OVER] = "drain-over",
        [FAKE_CLAIMED] = "claimed",
        [FAKE_EXIT] = "exit",
        [FAKE_INTENT_NOTE] = "control-note",
        [FAKE_WATCH] = "watch",
        [FAKE_UNWATCH] = "unwatch",
        [FAKE_WATCH_NOTE] = "watch-note",
    };
    if (call->seats) {
        return call->request.op == REGISTRY_GET ? "seats-get" : "seats-delete";
    }
    if (call->request.op == REGISTRY_TXN) {
        return "claim-put";
    }
    if (call->control) {
        return call->request.op == REGISTRY_GET      ? "control-get"
               : call->request.op == REGISTRY_DELETE ? "control-delete"
                                                     : "control-put";
    }
    return call->type == FAKE_REQUEST ? registry_op_name(call->request.op) : kinds[call->type];
}

static const char *const notes[] = {
    [REGISTRAR_NOTE_REGISTERED] = "registered",  [REGISTRAR_NOTE_TAKEN_OVER] = "taken-over",
    [REGISTRAR_NOTE_LEASE_LOST] = "lease-lost",  [REGISTRAR_NOTE_REPAIRED] = "repaired",
    [REGISTRAR_NOTE_CONFLICT] = "conflict",      [REGISTRAR_NOTE_CONFLICT_LEFT] = "conflict-left",
    [REGISTRAR_NOTE_OUTAGE] = "outage",          [REGISTRAR_NOTE_RECOVERED] = "recovered",
    [REGISTRAR_NOTE_WITHDRAWN] = "withdrawn",    [REGISTRAR_NOTE_GAP] = "gap",
    [REGISTRAR_NOTE_TAKEN_BACK] = "stale-ready", [REGISTRAR_NOTE_UNREAD] = "unread",
    [REGISTRAR_NOTE_HEARTBEAT] = "heartbeat",    [REGISTRAR_NOTE_DUPLICATE_AGENT] = "duplicate-agent",
    [REGISTRAR_NOTE_CLUSTER] = "cluster",
};

static const char *const watch_notes[] = {
    [FOLLOW_NOTE_OUTAGE] = "outage",
    [FOLLOW_NOTE_SILENT] = "silent",
    [FOLLOW_NOTE_RECOVERED] = "recovered",
};

static const char *const intent_notes[] = {
    [INTENT_NOTE_ADOPTED] = "adopted",     [INTENT_NOTE_CONFLICT] = "conflict",
    [INTENT_NOTE_PUT_AGAIN] = "put-again", [INTENT_NOTE_UNREADABLE] = "unreadable",
    [INTENT_NOTE_OUTAGE] = "outage",       [INTENT_NOTE_RECOVERED] = "recovered",
    [INTENT_NOTE_LEFT] = "left",
};

static const char *const outcomes[] = {
    [REGISTRAR_CLAIMED] = "claimed", [REGISTRAR_CLAIM_UNKNOWN] = "unknown", [REGISTRAR_CLAIM_AWAY] = "away"};

static const char *const saves[] = {[EFFECTS_SAVE_SOON] = "soon",
                                    [EFFECTS_SAVE_BEFORE_WRITE] = "before-write",
                                    [EFFECTS_SAVE_BEFORE_GRANT] = "urgent",
                                    [EFFECTS_SAVE_NOW] = "now"};

enum { SAYINGS = 3, SAYING_MAX = FAKE_TEXT_MAX };

/* What follows the kind in a script, word by word. */
static size_t sayings(const struct fake_call *call, char out[SAYINGS][SAYING_MAX])
{
    char span[24];
    switch (call->type) {
    case FAKE_TRY: snprintf(out[0], SAYING_MAX, "%s", call->text); return 1;
    case FAKE_WATCH_PID:
    case FAKE_TERMINATE: snprintf(out[0], SAYING_MAX, "%d", (int)call->pid); return 1;
    case FAKE_TELL_DRAIN:
        snprintf(out[0], SAYING_MAX, "%s", call->on ? "on" : "off");
        snprintf(out[1], SAYING_MAX, "%s",
                 call->left_ms == NEVER_MS ? "no-deadline" : duration_format(call->left_ms, span));
        snprintf(out[2], SAYING_MAX, "%s", call->text);
        return call->on ? 3 : 1;
    case FAKE_SAVE: snprintf(out[0], SAYING_MAX, "%s", saves[call->save]); return 1;
    case FAKE_STATUS:
        snprintf(out[0], SAYING_MAX, "%s", status_name(call->to));
        snprintf(out[1], SAYING_MAX, "%s", call->text);
        return 2;
    case FAKE_NOTE:
        snprintf(out[0], SAYING_MAX, "%s", notes[call->note]);
        snprintf(out[1], SAYING_MAX, "%s", call->text);
        return 2;
    case FAKE_INTENT_NOTE:
        snprintf(out[0], SAYING_MAX, "%s", intent_notes[call->intent_note]);
        snprintf(out[1], SAYING_MAX, "%s", call->text);
        return 2;
    case FAKE_WATCH_NOTE:
        snprintf(out[0], SAYING_MAX, "%s", watch_notes[call->watch_note]);
        snprintf(out[1], SAYING_MAX, "%s", call->text);
        return 2;
    case FAKE_DRAIN_OVER:
        snprintf(out[0], SAYING_MAX, "%s", hold_name(call->kind));
        snprintf(out[1], SAYING_MAX, "%s", drain_outcome_name(call->outcome));
        return 2;
    case FAKE_CLAIMED:
        snprintf(out[0], SAYING_MAX, "%s", outcomes[call->claimed]);
        snprintf(out[1], SAYING_MAX, "%s", call->text);
        return 2;
    case FAKE_EXIT: snprintf(out[0], SAYING_MAX, "%d", call->code); return 1;
    case FAKE_WATCH:
    case FAKE_UNWATCH:
    case FAKE_CANCEL_TRIES:
    case FAKE_LOOK_UP_HOST:
    case FAKE_REQUEST: break;
    }
    return 0;
}

void describe(const struct fake_call *call, char out[static 512])
{
    char message[SAYINGS][SAYING_MAX];
    size_t count = sayings(call, message);
    int used = snprintf(out, 512, "%s", kind_of(call));
    for (size_t i = 0; i < count && used < 512; i++) {
        bool quote = strchr(message[i], ' ') != NULL || message[i][0] == '\0';
        used += snprintf(out + used, (size_t)(512 - used), quote ? " \"%s\"" : " %s", message[i]);
    }
    if (call->request.value != NULL && used < 512) {
        struct str value = blob_view(call->request.value);
        snprintf(out + used, (size_t)(512 - used), " %.*s", STR_ARG(value));
    }
}

/* ---- records ---- */

static void text_of(const json_t *value, struct buf *out)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_printf(out, "%s", i > 0 ? "," : "");
            text_of(json_array_get(value, i), out);
        }
    } else if (json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        buf_printf(out, "%s", json_string_value(value));
    } else {
        buf_printf(out, "%s", value == NULL ? "(absent)" : json_is_null(value) ? "null" : "(object)");
    }
}

static bool matches(const char *wanted, const char *actual)
{
    size_t size = strlen(wanted);
    if (size > 0 && wanted[size - 1] == '*') {
        return strncmp(wanted, actual, size - 1) == 0;
    }
    return strcmp(wanted, actual) == 0;
}

bool json_has(struct str json, const char *claim, char ret_actual[static 256])
{
    bool absent = claim[0] == '!';
    char path[128];
    snprintf(path, sizeof(path), "%s", claim + (absent ? 1 : 0));
    char *equals = strchr(path, '=');
    const char *wanted = absent || equals == NULL ? "(absent)" : strchr(claim, '=') + 1;
    if (equals != NULL) {
        *equals = '\0';
    }
    json_t *root = json_loadb(json.data, json.size, 0, NULL);
    const json_t *value = root;
    char *rest = NULL;
    for (char *key = strtok_r(path, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest)) {
        value = json_object_get(value, key);
    }
    struct buf text = {0};
    text_of(value, &text);
    bool same = matches(wanted, buf_text(&text));
    snprintf(ret_actual, 256, "%.255s", buf_text(&text));
    buf_fini(&text);
    json_decref(root);
    return same;
}

/* ---- claims ---- */

bool claims_moment(const char *claim)
{
    size_t size = strlen(claim);
    return size > 12 && claim[size - 1] == 'Z' && strchr(claim, 'T') != NULL && strchr(claim, ':') != NULL;
}

static void expect_put(struct scenario *s, const struct fake_call *call, char **args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char actual[256];
        bool meant = !s->wall_steps || !claims_moment(args[i]);
        if (meant && !json_has(blob_view(call->request.value), args[i], actual)) {
            fail(s, "expected a put with %s, but it has %s", args[i], actual);
        }
    }
}

static void expect_words(struct scenario *s, const struct fake_call *call, char **args, size_t count)
{
    char message[SAYINGS][SAYING_MAX], text[512];
    size_t known = sayings(call, message);
    for (size_t i = 0; i < count; i++) {
        if (i >= known || !matches(args[i], message[i])) {
            describe(call, text);
            fail(s, "expected \"%s\", but found: %s", args[i], text);
        }
    }
}

static void claim(struct scenario *s, size_t at)
{
    fake_call_fini(&s->seen[at].call);
    s->seen_count--;
    memmove(s->seen + at, s->seen + at + 1, (s->seen_count - at) * sizeof(s->seen[0]));
}

void expect_effect(struct scenario *s, char **args, size_t count)
{
    int64_t when;
    bool timed = args[count - 1][0] == '@';
    if (timed && duration_parse(str_of(args[count - 1] + 1), &when) < 0) {
        fail(s, "%s is not a time", args[count - 1]);
    }
    count -= timed ? 1 : 0;
    size_t at = 0;
    while (at < s->seen_count && strcmp(kind_of(&s->seen[at].call), args[0]) != 0) {
        at++;
    }
    if (at == s->seen_count) {
        fail(s, "expected %s%s%s, but there was none", args[0], count > 1 ? " " : "",
             count > 1 ? args[1] : "");
    }
    const struct fake_call *call = &s->seen[at].call;
    if (call->request.value != NULL) {
        expect_put(s, call, args + 1, count - 1);
    } else {
        expect_words(s, call, args + 1, count - 1);
    }
    if (timed && s->seen[at].at != when) {
        fail(s, "expected %s at %lld ms, but it came at %lld ms", args[0], (long long)when,
             (long long)s->seen[at].at);
    }
    claim(s, at);
}

void expect_no(struct scenario *s, const char *kind)
{
    for (size_t i = 0; i < s->seen_count; i++) {
        if (strcmp(kind_of(&s->seen[i].call), kind) == 0) {
            fail(s, "expected no %s", kind);
        }
    }
}

void expect_all_claimed(struct scenario *s)
{
    if (s->seen_count > 0) {
        fail(s, "unexpected effects");
    }
}

void forget_seen(struct scenario *s)
{
    for (size_t i = 0; i < s->seen_count; i++) {
        fake_call_fini(&s->seen[i].call);
    }
    s->seen_count = 0;
}
