/* The program's version, as CMakeLists.txt names it. */
#ifndef OUTRIDER_BASE_VERSION_H
#define OUTRIDER_BASE_VERSION_H

/* "MAJOR.MINOR.PATCH"; never NULL. */
const char *version_text(void);

#endif
