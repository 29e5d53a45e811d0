#include "outrider/api/common/published.h"

#include "outrider/api/common/context.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/record.h"
#include "outrider/core/server/server.h"

static bool has_run_out(const struct api_view *view, const struct registrar_facts *facts)
{
    return view->now.boot >= facts->lease_deadline_boot;
}

bool api_is_published(const struct api_view *view)
{
    struct registrar_facts facts = registrar_facts(view->registrar);
    return server_record(view->server) != NULL && facts.published && !has_run_out(view, &facts);
}

static void add_conflict(const struct registrar_facts *facts, struct buf *out)
{
    struct record record;
    struct error err;
    char span[32];
    buf_str(out, STR("key held by another agent"));
    if (record_decode(facts->conflict_value, &record, &err) == 0) {
        if (record.host != NULL) {
            buf_printf(out, " at %s", record.host);
        }
        record_fini(&record);
    }
    if (facts->conflict_left_ms >= 0) {
        buf_printf(out, " (lease ends in %s)", duration_human(facts->conflict_left_ms, span));
    }
}

void api_add_not_published(const struct api_view *view, struct buf *out)
{
    struct registrar_facts facts = registrar_facts(view->registrar);
    const char *withheld = server_facts(view->server).withheld;
    if (facts.last_error[0] != '\0') {
        bool ran_out = facts.published && has_run_out(view, &facts);
        buf_printf(out, "%s%s", ran_out ? "the lease has run out: " : "", facts.last_error);
    } else if (!registry_lease_is_none(facts.conflict_lease)) {
        add_conflict(&facts, out);
    } else if (withheld[0] != '\0') {
        buf_str(out, str_of(withheld));
    } else {
        buf_str(out, STR("the registry has not confirmed the record yet"));
    }
}
