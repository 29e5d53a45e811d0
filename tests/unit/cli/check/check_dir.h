/* A directory whose files a configuration names, for the tests of what `outrider check` says of them. */
#ifndef OUTRIDER_TESTS_UNIT_CLI_CHECK_CHECK_DIR_H
#define OUTRIDER_TESTS_UNIT_CLI_CHECK_CHECK_DIR_H

#include "outrider/base/str.h"
#include "support/temp_dir.h"

#include <sys/types.h>

struct buf;

extern struct temp_dir check_dir;

/* The setup and the teardown of each test. */
int check_dir_setup(void **state);
int check_dir_teardown(void **state);

/* The path of `name` in the directory, in `out`. */
char *check_dir_path(const char *name, char out[static 128]);

/* Makes the file, with permission bits `mode`. */
void check_dir_write(const char *name, struct str text, mode_t mode);

/* `problems` must be `says`, in which % stands for the directory. Frees `problems`. */
void check_dir_says(struct buf *problems, const char *says);

#endif
