/* The version of the program, set in CMakeLists.txt. */
#ifndef OUTRIDER_BASE_VERSION_H
#define OUTRIDER_BASE_VERSION_H

/* "MAJOR.MINOR.PATCH"; never NULL. */
const char *version_text(void);

#endif
