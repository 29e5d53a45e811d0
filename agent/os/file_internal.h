/* The parts of os/file: file.c, file_draft.c (writing). */
#ifndef OUTRIDER_OS_FILE_INTERNAL_H
#define OUTRIDER_OS_FILE_INTERNAL_H

struct error;

/* Sets `err` from errno: "cannot DOING PATH: ...". Returns -1. */
int file_error(struct error *err, const char *doing, const char *path);

#endif
