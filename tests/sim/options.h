/* What the programs of the simulators share. */
#ifndef OUTRIDER_TESTS_SIM_OPTIONS_H
#define OUTRIDER_TESTS_SIM_OPTIONS_H

struct memory_kind;

/* The kind of registry that --like names; NULL: there is none. */
const struct memory_kind *options_kind(const char *name);

/* The CPU time of the process, in seconds. */
double options_seconds(void);

#endif
