/* Compiler attributes, spelled once. */
#ifndef OUTRIDER_BASE_ATTR_H
#define OUTRIDER_BASE_ATTR_H

/* The caller must check the result. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* printf-like: `fmt` and `first` are parameter positions counted from 1. */
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Number of elements of a true array. */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
