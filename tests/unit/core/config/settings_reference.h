/* The reference page of all settings. */
#ifndef TESTS_UNIT_CORE_CONFIG_SETTINGS_REFERENCE_H
#define TESTS_UNIT_CORE_CONFIG_SETTINGS_REFERENCE_H

struct buf;

/* Appends the page (docs/configuration.md) to `out`. */
void settings_reference(struct buf *out);

#endif
