/* `outrider agent`: one process beside one game server, from configuration to exit status. */
#ifndef OUTRIDER_SHELL_AGENT_H
#define OUTRIDER_SHELL_AGENT_H

/* Runs the agent of the configuration file at `config_path` in the foreground until a signal stops it. The
 * signals must be blocked (loop_watch_block_signals()). Problems go to stderr. Returns the exit status
 * (docs/design/protocol.md, "Exit status"): 0 record confirmed gone or never there, 85 handed over, 1 not
 * confirmed or could not start, 78 bad configuration. */
int agent_run(const char *config_path);

#endif
