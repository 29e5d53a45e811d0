/* Failed sign-ins: each address waits longer for its answer, so that guessing takes time. A right token is never held up. */
#ifndef OUTRIDER_CORE_ACCESS_FAILURES_H
#define OUTRIDER_CORE_ACCESS_FAILURES_H

#include <stdint.h>

/* Addresses that are remembered. Beyond that the one that failed longest ago is forgotten. */
enum { ACCESS_FAILURES_MAX = 256 };

/* In ms: the first answer is late by so much, each further one by twice as much, up to the second; an address that has not failed for the
 * third begins again. */
enum { ACCESS_DELAY_FIRST_MS = 100, ACCESS_DELAY_MOST_MS = 5000, ACCESS_FORGET_MS = 15 * 60 * 1000 };

/* {0}: none has failed. */
struct access_failures {
    struct access_failure {
        uint64_t who;      /* a hash of the address */
        uint64_t secret;   /* what it sent last */
        int64_t last_mono; /* of its last failure */
        uint32_t count;    /* of its guesses; 0: the place is free */
    } places[ACCESS_FAILURES_MAX];
    uint64_t total; /* failures since the start */
};

/* Counts a failure of `who`, which sent a secret with the hash `secret`. Returns by how many ms its answer is to be late. The same secret
 * again is no further guess, but a program that has an old one: its answer is as late as before. */
int64_t access_failures_count(struct access_failures *failures, uint64_t who, uint64_t secret,
                              int64_t now_mono);

#endif
