/* The fleet by DNS. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/dns/dns_counters.h"
#include "outrider/core/dns/dns_table.h"

static void write_questions(struct buf *out, const struct dns_counters *counters)
{
    static const char questions[] = "outrider_dns_queries_total";
    prometheus_family(out, questions, PROMETHEUS_COUNTER, "Questions of DNS clients, by type and result.");
    for (size_t i = 0; i < DNS_COUNTED_TYPES; i++) {
        for (size_t j = 0; j < DNS_COUNTED_RCODES; j++) {
            struct prometheus_label labels[] = {LABEL("type", dns_counters_type(i)),
                                                LABEL("rcode", dns_counters_rcode(j))};
            if (counters->questions[i][j] > 0) {
                prometheus_int(out, questions, labels, 2, (int64_t)counters->questions[i][j]);
            }
        }
    }
}

static void write_left(struct buf *out, const size_t *left)
{
    static const char *const reasons[DNS_LEFT_COUNT] = {[DNS_LEFT_NAME] = "name",
                                                        [DNS_LEFT_HOST] = "host",
                                                        [DNS_LEFT_VALUE] = "value",
                                                        [DNS_LEFT_LIMIT] = "limit"};
    static const char name[] = "outrider_dns_left_out";
    prometheus_family(out, name, PROMETHEUS_GAUGE,
                      "What of the fleet cannot be asked for by DNS, by reason (docs/dns.md).");
    for (size_t i = 0; i < DNS_LEFT_COUNT; i++) {
        prometheus_int(out, name, (struct prometheus_label[]){LABEL("reason", reasons[i])}, 1,
                       (int64_t)left[i]);
    }
}

static void write_ends(struct buf *out, const struct api_dns *dns)
{
    static const char name[] = "outrider_dns_connections_closed_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "TCP connections that this agent closed, by reason.");
    prometheus_int(out, name, (struct prometheus_label[]){LABEL("reason", "idle")}, 1,
                   (int64_t)dns->timed_out);
    prometheus_int(out, name, (struct prometheus_label[]){LABEL("reason", "limit")}, 1,
                   (int64_t)dns->evicted);
    prometheus_int(out, name, (struct prometheus_label[]){LABEL("reason", "broken")}, 1,
                   (int64_t)dns->broken);
}

void metrics_dns(struct buf *out, const struct api_view *view)
{
    const struct api_dns *dns = view->dns;
    if (dns == NULL) {
        return;
    }
    write_questions(out, dns->counters);
    const struct sample samples[] = {
        COUNTER("outrider_dns_ignored_total", "Messages that are no questions.", dns->counters->ignored),
        COUNTER("outrider_dns_truncated_total", "Answers over UDP that say that they are not whole.",
                dns->counters->truncated),
        COUNTER("outrider_dns_oversized_total", "Datagrams that are too long for a question.",
                dns->oversized),
        COUNTER("outrider_dns_unsent_total", "Datagrams that the kernel did not take.", dns->unsent),
        GAUGE("outrider_dns_connections", "Open TCP connections.", dns->connections),
        COUNTER("outrider_dns_connections_total", "TCP connections.", dns->accepted),
        GAUGE("outrider_dns_names", "Names that exist below the domain.", dns->names),
    };
    metrics_write(out, samples, COUNT_OF(samples));
    write_ends(out, dns);
    write_left(out, dns->left);
}
