/* The row of a setting by its path, for tests that change one. */
#ifndef OUTRIDER_TESTS_FIND_SETTING_H
#define OUTRIDER_TESTS_FIND_SETTING_H

#include "outrider/core/config/settings.h"

/* NULL when there is no such row. */
static inline const struct setting *find_setting(const char *path)
{
    for (size_t i = 0; i < settings_of_file.count; i++) {
        if (strcmp(settings_of_file.rows[i].path, path) == 0) {
            return &settings_of_file.rows[i];
        }
    }
    return NULL;
}

#endif
