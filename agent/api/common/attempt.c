#include "outrider/api/common/attempt.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct api_attempt {
    const char *does;
    enum api_kept kept;
    struct str texts[AUDIT_TEXTS]; /* those that were told, in `words` */
    struct buf words;
};

/* The target, unless the handler tells another: the names of the path. */
static void tell_names(struct api_attempt *attempt, const struct api_request *request)
{
    struct buf target = {0};
    for (size_t i = 0; i < API_NAMES; i++) {
        if (request->names[i].size > 0) {
            buf_str(&target, target.size > 0 ? STR("/") : STR(""));
            buf_str(&target, request->names[i]);
        }
    }
    api_attempt_tell(attempt, AUDIT_TARGET, buf_view(&target));
    buf_fini(&target);
}

struct api_attempt *api_attempt_new(const struct api_call *call, const char *does, enum api_kept kept)
{
    if (!config_has_audit(call->context->config)) {
        return NULL;
    }
    struct api_attempt *attempt = mem_zalloc(sizeof(*attempt));
    *attempt = (struct api_attempt){.does = does, .kept = kept};
    if (kept != API_KEEPS_COUNTS) {
        tell_names(attempt, &call->request);
    }
    return attempt;
}

static void keep(struct api_attempt *attempt)
{
    struct str *texts[AUDIT_TEXTS];
    struct buf before = attempt->words;
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        texts[i] = &attempt->texts[i];
    }
    attempt->words = (struct buf){0};
    buf_keep(&attempt->words, texts, AUDIT_TEXTS);
    buf_fini(&before);
}

struct api_attempt *api_attempt_copy(const struct api_attempt *attempt)
{
    if (attempt == NULL) {
        return NULL;
    }
    struct api_attempt *copy = mem_zalloc(sizeof(*copy));
    *copy = *attempt;
    copy->words = (struct buf){0};
    keep(copy);
    return copy;
}

struct api_attempt *api_attempt_sequel(const struct api_attempt *attempt, const char *does)
{
    struct api_attempt *sequel = api_attempt_copy(attempt);
    if (sequel != NULL) {
        sequel->does = does;
    }
    return sequel;
}

void api_attempt_free(struct api_attempt *attempt)
{
    if (attempt != NULL) {
        buf_fini(&attempt->words);
        free(attempt);
    }
}

/* How many bytes of the text are kept: not a part of a character. */
static size_t cut(struct str text, size_t max)
{
    size_t size = text.size < max ? text.size : max;
    while (size > 0 && size < text.size && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

void api_attempt_tell(struct api_attempt *attempt, enum audit_text which, struct str text)
{
    if (attempt != NULL) {
        text.size = cut(text, audit_text_rows[which].max);
        attempt->texts[which] = text;
        keep(attempt);
    }
}

static bool is_known(const struct access_identity *who)
{
    return who->name[0] != '\0' && who->proof != ACCESS_UNPROVED;
}

bool api_attempt_has_entry(const struct api_attempt *attempt, const struct api_request *request)
{
    return attempt != NULL && attempt->kept != API_KEEPS_COUNTS && is_known(&request->who);
}

static struct audit_entry entry_of(const struct api_attempt *attempt, const struct api_request *request,
                                   int status, const char *code, char session[static 20])
{
    const struct access_identity *who = &request->who;
    if (who->session != 0) {
        snprintf(session, 20, "%016" PRIx64, who->session);
    }
    struct audit_entry entry = {.outcome = audit_outcome_of(status), .count = 1};
    memcpy(entry.texts, attempt->texts, sizeof(entry.texts));
    entry.texts[AUDIT_WHO] = is_known(who) ? str_of(who->name) : STR("");
    entry.texts[AUDIT_ROLE] = str_of(access_role_name(who->role));
    entry.texts[AUDIT_HOW] = str_of(access_proof_name(who->proof));
    entry.texts[AUDIT_FROM] = str_of(who->from);
    entry.texts[AUDIT_SESSION] = str_of(session);
    entry.texts[AUDIT_WHAT] = str_of(attempt->does);
    entry.texts[AUDIT_CODE] = str_of(code);
    entry.texts[AUDIT_REQUEST] = request->request_id;
    return entry;
}

static void count(const struct api_attempt *attempt, const struct api_context *context,
                  const struct api_request *request, int status, const char *code)
{
    char session[20] = "";
    struct audit_entry entry = entry_of(attempt, request, status, code, session);
    context->ops->audit_count(context->agent, &entry);
}

bool api_attempt_passes(const struct api_attempt *attempt, const struct api_call *call, bool passed,
                        struct api_reply *reply)
{
    const struct api_context *context = call->context;
    struct error err;
    if (attempt == NULL) {
        return passed;
    }
    if (attempt->kept == API_KEEPS_COUNTS) {
        count(attempt, context, &call->request, passed ? 200 : reply->status, reply->code);
        return passed;
    }
    /* Room is kept for what is urgent, too, so that a disk that fills up later does not take its entry. */
    bool full = passed && is_known(&call->request.who) && context->ops->audit_room(context->agent, &err) < 0;
    bool refused = full && attempt->kept == API_KEEPS_ALL;
    if (refused) {
        reply->header = API_RETRY_SOON;
        api_refuse(
            reply, 503, "audit_full",
            "nothing was changed, as no trace of it can be written; a drain can be made all the same: %s",
            err.text);
    }
    return passed && !refused;
}

void api_attempt_end(const struct api_attempt *attempt, const struct api_context *context,
                     const struct api_request *request, const struct api_reply *reply,
                     void (*done)(bool written, void *user), void *user)
{
    char session[20] = "";
    if (attempt == NULL || attempt->kept == API_KEEPS_COUNTS) {
        return; /* what is only counted is already */
    }
    if (!api_attempt_has_entry(attempt, request)) {
        count(attempt, context, request, reply->status, reply->code);
        return;
    }
    struct audit_entry entry = entry_of(attempt, request, reply->status, reply->code, session);
    context->ops->audit(context->agent, &entry, done, user);
}
