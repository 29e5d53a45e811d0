/* Messages of DNS (RFC 1035, RFC 6891), by libldns. */
#ifndef OUTRIDER_CODEC_DNS_DNS_WIRE_H
#define OUTRIDER_CODEC_DNS_DNS_WIRE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/dns/dns_message.h"

#include <stddef.h>
#include <stdint.h>

/* A longer message is no question of a client. */
enum { DNS_QUERY_MAX = 4096 };

/* Beyond its limit an answer may take so many bytes of memory while it is written. */
enum { DNS_WIRE_SLACK = 2048 };

/* Decodes a message of a client. Returns -1 for what must get no answer: it is an answer itself, or has no header. Otherwise 0, and
 * `ret_rcode` is DNS_NOERROR for a question, or what it is answered with: DNS_FORMERR, DNS_NOTIMP or DNS_BADVERS. Of such a one
 * `ret_question` has what could be read. Total on any bytes, and linear in their number. */
int dns_wire_read(struct str message, struct dns_question *ret_question,
                  enum dns_rcode *ret_rcode) MUST_CHECK;

/* The most bytes that the client of `question` takes over UDP. */
size_t dns_wire_udp_limit(const struct dns_question *question);

/* Encodes the answer in at most `limit` bytes, at least DNS_UDP_MIN, and returns how many it takes: where the records that were asked
 * for do not fit, it says that it is truncated; additional ones that do not fit are left out. `ret_bytes` has room for
 * DNS_WIRE_SLACK more than `limit`. */
size_t dns_wire_write(const struct dns_question *question, const struct dns_answer *answer, size_t limit,
                      uint8_t *ret_bytes);

/* Whether an answer says that it is truncated. */
bool dns_wire_is_truncated(const uint8_t *answer);

#endif
