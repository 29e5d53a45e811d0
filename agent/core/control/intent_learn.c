/* The value of the key beside the hold here: which wins, and what is to be written. */
#include "intent_internal.h"
#include "outrider/base/brief.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool same_fields(const struct hold *a, const struct hold *b)
{
    return strcmp(a->reason, b->reason) == 0 && strcmp(a->by, b->by) == 0 && a->since_wall == b->since_wall &&
           a->deadline_wall == b->deadline_wall && a->expires_wall == b->expires_wall;
}

bool intent_same_hold(const struct hold *a, const struct hold *b)
{
    return a->set && b->set ? same_fields(a, b) : a->set == b->set;
}

bool intent_same(const struct intent_value *value, const struct hold *hold)
{
    switch (value->content) {
    case INTENT_ABSENT:
    case INTENT_LIFTED: return !hold->set;
    case INTENT_HELD: return intent_same_hold(&value->hold, hold);
    case INTENT_UNREADABLE: break;
    }
    return false;
}

/* "drain by api 10.0.0.9: patch", "undrain". */
static const char *name(const struct hold *hold, char out[static 160])
{
    if (!hold->set) {
        snprintf(out, 160, "undrain");
    } else {
        brief_format(out, 160, "drain by %s%s%s", hold->by, hold->reason[0] == '\0' ? "" : ": ",
                     hold->reason);
    }
    return out;
}

/* An operator who writes the key need give no more than a reason. What is missing is added when the hold is first
 * seen, and stays. */
static void complete(struct intent_value *value, const struct hold *before, int64_t now_wall)
{
    struct hold *hold = &value->hold;
    hold->set = true;
    if (hold->by[0] == '\0') {
        snprintf(hold->by, sizeof(hold->by), "%s", before->set ? before->by : "control key");
    }
    if (hold->since_wall == 0) {
        hold->since_wall = before->set ? before->since_wall : now_wall;
    }
}

static void adopt(struct intent *intent)
{
    char text[160];
    intent->local = intent->value.hold;
    intent->local.set = intent->value.content == INTENT_HELD;
    intent->pending = false;
    intent_emit(intent, INTENT_DO_ADOPT)->hold = intent->local;
    intent_note(intent, INTENT_NOTE_ADOPTED, "%s, at revision %" PRId64, name(&intent->local, text),
                intent->revision);
}

/* On conflict drain wins, and both are logged (docs/design/protocol.md, "Control key"). A hold that is over
 * is none. */
static void resolve(struct intent *intent)
{
    char here[160], there[160];
    int64_t ends = intent->value.hold.expires_wall;
    bool theirs =
        intent->value.content == INTENT_HELD && (ends == 0 || ends > intent->now.wall || !intent->local.set);
    name(&intent->local, here);
    name(&intent->value.hold, there);
    intent_note(intent, INTENT_NOTE_CONFLICT,
                "here: %s; at the control key, revision %" PRId64 ": %s; %s stands", here, intent->revision,
                there, theirs ? "the key's" : "the agent's");
    if (theirs) {
        adopt(intent);
    }
}

/* since_wall alone is not enough where more is known: a hold that replaces another keeps it. */
static bool is_what_was_sent(const struct hold *sent, const struct hold *found)
{
    bool whole = sent->by[0] != '\0';
    return sent->set && (whole ? same_fields(sent, found) : sent->since_wall == found->since_wall);
}

/* Whether it may be an own write. A lift is taken for any writer's. */
static bool is_maybe_written(const struct intent *intent, const struct intent_value *value)
{
    for (size_t i = 0; i < intent->maybe_written_count && value->content == INTENT_HELD; i++) {
        if (is_what_was_sent(&intent->maybe_written[i], &value->hold)) {
            return true;
        }
    }
    return false;
}

static void judge(struct intent *intent, bool news)
{
    if (intent->value.content == INTENT_UNREADABLE) {
        if (news) {
            intent_note(intent, INTENT_NOTE_UNREADABLE, "%s at revision %" PRId64 ": %s", intent->key,
                        intent->revision, intent->value.error);
        }
    } else if (intent_same(&intent->value, &intent->local)) {
        /* An own write that may still arrive must find another revision: so the key is written although it
         * holds this already. */
        intent->pending = intent->pending && intent->maybe_written_count > 0;
    } else if (intent->value.content == INTENT_ABSENT) {
        /* No opinion: the hold here is put again. */
        if (!intent->pending && !intent->put_again_logged) {
            intent->put_again_logged = true;
            intent_note(intent, INTENT_NOTE_PUT_AGAIN, "%s", intent->key);
        }
    } else if (intent->pending && news) {
        resolve(intent);
    } else if (!intent->pending) {
        /* Also at the revision seen last: an emptied registry starts its revisions again. */
        adopt(intent);
    }
}

static bool same_value(const struct intent_value *a, const struct intent_value *b)
{
    return a->content == b->content && (a->content != INTENT_HELD || intent_same_hold(&a->hold, &b->hold));
}

void intent_learn(struct intent *intent, const struct intent_value *value, int64_t revision, int64_t as_of)
{
    static const struct hold nothing = {.set = false};
    struct intent_value fresh = *value;
    bool first = !intent->known, moved = revision != intent->revision;
    bool news = revision != intent->seen && !is_maybe_written(intent, value);
    if (value->content == INTENT_HELD) {
        complete(&fresh,
                 news                                   ? &nothing
                 : intent->value.content == INTENT_HELD ? &intent->value.hold
                                                        : &intent->local,
                 intent->now.wall);
    }
    intent->as_of = as_of;
    intent->must_read = false;
    if (!first && !moved && value->content != INTENT_ABSENT) {
        if (same_value(&fresh, &intent->value)) {
            return; /* known already */
        }
        news = true; /* an emptied registry starts its revisions again */
    }
    intent->known = true;
    intent->value = fresh;
    intent->revision = revision;
    if (revision != intent->seen) {
        intent->maybe_written_count = 0; /* they compare with a revision that is gone */
    }
    if (news && value->content != INTENT_ABSENT) {
        intent->put_again_logged = false;
    }
    judge(intent, news || (first && value->content == INTENT_UNREADABLE));
    intent->seen = revision;
}

void intent_written(struct intent *intent, const struct hold *hold, int64_t revision)
{
    intent->known = true;
    intent->value = (struct intent_value){.content = hold->set ? INTENT_HELD : INTENT_LIFTED, .hold = *hold};
    intent->revision = intent->seen = intent->as_of = revision;
    intent->maybe_written_count = 0;
    intent->put_again_logged = false;
    intent->pending = !intent_same(&intent->value, &intent->local);
}
