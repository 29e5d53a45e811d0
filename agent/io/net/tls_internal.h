/* What both sides of TLS share. */
#ifndef OUTRIDER_IO_NET_TLS_INTERNAL_H
#define OUTRIDER_IO_NET_TLS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* For OpenSSL, which takes sizes as int. */
int tls_int_size(size_t size);

/* Whether `path` may be read as a file: a fifo would be waited for; one that cannot be read is OpenSSL's to report. */
bool tls_is_file(const char *path);

/* The callback for pass phrases: there is none. Else OpenSSL asks for one on the terminal. */
int tls_no_pass_phrase(char *ret_text, int size, int writing, void *user);

#endif
