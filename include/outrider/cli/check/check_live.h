/* `outrider check --live`: what only the registry itself can say about a configuration. */
#ifndef OUTRIDER_CLI_CHECK_CHECK_LIVE_H
#define OUTRIDER_CLI_CHECK_CHECK_LIVE_H

struct config;

/* Asks each endpoint, logs in, reads what an agent reads and proves that it may write its own two keys, with
 * the time-outs the agent would have; writes nothing. Prints a line to stdout for each thing tried. Returns
 * the exit status: EX_DONE; EX_TEMPFAIL when no endpoint answers; EX_FAILED for anything else. An endpoint
 * that fails while another answers is shown and is no failure: the agent would run. */
int check_live(const struct config *config);

/* What to look at when a registry's error says this, to stand behind it: ": is etcd running?"; "" where the
 * error says it all. */
const char *check_live_remedy(const char *error);

#endif
