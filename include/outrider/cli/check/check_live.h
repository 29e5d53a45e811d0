/* `outrider check --live`: tests a configuration against the registry. */
#ifndef OUTRIDER_CLI_CHECK_CHECK_LIVE_H
#define OUTRIDER_CLI_CHECK_CHECK_LIVE_H

struct config;

/* Asks each endpoint, logs in, reads what an agent reads, and tests the permission to write its own two keys,
 * with the agent's timeouts. Writes nothing. Prints one line per test to stdout. Returns EX_DONE; EX_TEMPFAIL
 * when no endpoint answers; EX_FAILED for any other failure. An endpoint that fails while another answers is
 * shown and does not count: the agent would run. */
int check_live(const struct config *config);

#endif
