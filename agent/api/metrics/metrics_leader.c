/* Leadership: what this agent stands for, and who leads, as far as it watches that. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/leader/election.h"
#include "outrider/core/leader/leaders.h"
#include "outrider/core/registry/mirror.h"

static void write_candidacies(struct buf *out, const struct api_view *view)
{
    if (view->candidacy_count == 0) {
        return;
    }
    prometheus_family(out, "outrider_leader", PROMETHEUS_GAUGE, "1 while this agent leads the scope.");
    for (size_t i = 0; i < view->candidacy_count; i++) {
        const struct api_candidacy *candidacy = &view->candidacies[i];
        prometheus_int(out, "outrider_leader", &LABEL("scope", candidacy->scope), 1,
                       election_leads(candidacy->election, &view->now, NULL));
    }
    prometheus_family(out, "outrider_leader_token", PROMETHEUS_GAUGE,
                      "Fencing token while this agent leads the scope, 0 while it does not.");
    for (size_t i = 0; i < view->candidacy_count; i++) {
        int64_t token = 0;
        (void)election_leads(view->candidacies[i].election, &view->now, &token);
        prometheus_int(out, "outrider_leader_token", &LABEL("scope", view->candidacies[i].scope), 1, token);
    }
    prometheus_family(out, "outrider_elections_won_total", PROMETHEUS_COUNTER,
                      "Times this agent began to lead the scope.");
    for (size_t i = 0; i < view->candidacy_count; i++) {
        prometheus_int(out, "outrider_elections_won_total", &LABEL("scope", view->candidacies[i].scope), 1,
                       (int64_t)view->candidacies[i].election->gained);
    }
    prometheus_family(out, "outrider_leader_lost_total", PROMETHEUS_COUNTER,
                      "Times this agent ceased to lead the scope, by reason.");
    for (size_t i = 0; i < view->candidacy_count; i++) {
        for (enum election_reason reason = 0; reason < ELECTION_REASON_COUNT; reason++) {
            struct prometheus_label labels[] = {LABEL("scope", view->candidacies[i].scope),
                                                LABEL("reason", election_reason_name(reason))};
            prometheus_int(out, "outrider_leader_lost_total", labels, 2,
                           (int64_t)view->candidacies[i].election->lost[reason]);
        }
    }
}

/* A scope has one leader, so the labels say which; those without one are left out. */
static void write_leading(struct buf *out, const struct leaders *leaders)
{
    prometheus_family(out, "outrider_scope_leader", PROMETHEUS_GAUGE, "1 for the leader of each scope.");
    for (size_t i = 0; i < leaders_count(leaders); i++) {
        const struct leaders_scope *scope = leaders_at(leaders, i);
        struct prometheus_label labels[] = {
            {"scope", scope->name}, LABEL("type", scope->who.type), LABEL("id", scope->who.id)};
        if (scope->named) {
            prometheus_int(out, "outrider_scope_leader", labels, 3, 1);
        }
    }
}

static void write_leaders(struct buf *out, const struct leaders *leaders, const struct mirror *keys)
{
    static const struct {
        const char *name;
        enum prometheus_type type;
        const char *help;
    } families[] = {
        {"outrider_scope_token", PROMETHEUS_GAUGE, "Token of the leader of each scope; 0 without one."},
        {"outrider_scope_candidates", PROMETHEUS_GAUGE, "Candidates of each scope, its leader included."},
        {"outrider_scope_elections_total", PROMETHEUS_COUNTER, "Leaders that each scope got while watched."},
    };
    write_leading(out, leaders);
    for (size_t family = 0; family < COUNT_OF(families); family++) {
        const char *name = families[family].name;
        prometheus_family(out, name, families[family].type, families[family].help);
        for (size_t i = 0; i < leaders_count(leaders); i++) {
            const struct leaders_scope *scope = leaders_at(leaders, i);
            const int64_t values[COUNT_OF(families)] = {scope->token, (int64_t)scope->candidates,
                                                        (int64_t)scope->elections};
            prometheus_int(out, name, &(struct prometheus_label){"scope", scope->name}, 1, values[family]);
        }
    }
    prometheus_family(out, "outrider_scope_skipped", PROMETHEUS_GAUGE,
                      "Keys of leadership that stand for nothing or cannot be read, by reason.");
    for (enum leaders_skip skip = 0; skip < LEADERS_SKIP_COUNT; skip++) {
        prometheus_int(out, "outrider_scope_skipped", &LABEL("reason", leaders_skip_name(skip)), 1,
                       (int64_t)leaders_skipped(leaders, skip));
    }
    const struct mirror_facts *facts = mirror_facts(keys);
    const struct sample samples[] = {
        GAUGE("outrider_scope_synced", "1 while who leads is in sync with the registry.", facts->synced),
        GAUGE("outrider_scope_left_out", "Keys of leadership for which there is no room.", facts->left_out),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

void metrics_write_leadership(struct buf *out, const struct api_view *view)
{
    write_candidacies(out, view);
    if (view->fleet.leaders != NULL) {
        write_leaders(out, view->fleet.leaders, view->fleet.leader_keys);
    }
}
