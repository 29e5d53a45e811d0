#include "outrider/codec/dns/dns_wire.h"

#include <ldns/ldns.h>
#include <string.h>

enum { HEADER = 12, OPT_SIZE = 11, OPT_VERSION = 0 };

/* Bits of the two bytes of flags. */
enum {
    FLAG_RESPONSE = 0x80,
    FLAG_AUTHORITATIVE = 0x04,
    FLAG_TRUNCATED = 0x02,
    FLAG_RECURSION_DESIRED = 0x01,
    FLAG_CHECKING_DISABLED = 0x10
};

/* ---- questions ---- */

/* Whether the message is one question and at most an OPT record, and the names in it are written out: what ldns would follow
 * pointers for is no question, and would cost it time. */
static bool is_plain(const uint8_t *bytes, size_t size)
{
    size_t at = HEADER;
    uint16_t more = ldns_read_uint16(bytes + 10);
    if (ldns_read_uint16(bytes + 4) != 1 || ldns_read_uint16(bytes + 6) != 0 ||
        ldns_read_uint16(bytes + 8) != 0 || more > 1) {
        return false;
    }
    while (at < size && bytes[at] != 0) {
        if (bytes[at] > DNS_LABEL_MAX) {
            return false;
        }
        at += 1U + bytes[at];
    }
    at += 5; /* the end of the name, type and class */
    return at <= size && (more == 0 || (at + OPT_SIZE <= size && bytes[at] == 0 &&
                                        ldns_read_uint16(bytes + at + 1) == LDNS_RR_TYPE_OPT));
}

static enum dns_rcode take(const ldns_pkt *packet, struct dns_question *question)
{
    const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
    const ldns_rdf *owner = ldns_rr_owner(rr);
    if (ldns_rdf_size(owner) > DNS_NAME_MAX) {
        return DNS_FORMERR;
    }
    question->name.size = (uint8_t)ldns_rdf_size(owner);
    memcpy(question->name.bytes, ldns_rdf_data(owner), question->name.size);
    question->type = (uint16_t)ldns_rr_get_type(rr);
    question->class = (uint16_t)ldns_rr_get_class(rr);
    question->edns = ldns_pkt_edns(packet);
    if (question->edns) {
        question->udp_size = ldns_pkt_edns_udp_size(packet);
        question->dnssec_ok = ldns_pkt_edns_do(packet);
    }
    return question->edns && ldns_pkt_edns_version(packet) != OPT_VERSION ? DNS_BADVERS : DNS_NOERROR;
}

static enum dns_rcode read_question(const uint8_t *bytes, size_t size, struct dns_question *question)
{
    ldns_pkt *packet = NULL;
    if (!is_plain(bytes, size) || ldns_wire2pkt(&packet, bytes, size) != LDNS_STATUS_OK) {
        return DNS_FORMERR;
    }
    enum dns_rcode rcode = take(packet, question);
    ldns_pkt_free(packet);
    return rcode;
}

int dns_wire_read(struct str message, struct dns_question *ret_question, enum dns_rcode *ret_rcode)
{
    const uint8_t *bytes = (const uint8_t *)message.data;
    if (message.size < HEADER || (bytes[2] & FLAG_RESPONSE) != 0) {
        return -1;
    }
    memset(ret_question, 0, sizeof(*ret_question));
    ret_question->id = ldns_read_uint16(bytes);
    ret_question->opcode = (bytes[2] >> 3) & 0xf;
    ret_question->recursion_desired = (bytes[2] & FLAG_RECURSION_DESIRED) != 0;
    ret_question->checking_disabled = (bytes[3] & FLAG_CHECKING_DISABLED) != 0;
    if (ret_question->opcode != LDNS_PACKET_QUERY) {
        *ret_rcode = DNS_NOTIMP;
    } else if (message.size > DNS_QUERY_MAX) {
        *ret_rcode = DNS_FORMERR;
    } else {
        *ret_rcode = read_question(bytes, message.size, ret_question);
    }
    return 0;
}

size_t dns_wire_udp_limit(const struct dns_question *question)
{
    if (!question->edns || question->udp_size < DNS_UDP_MIN) {
        return DNS_UDP_MIN;
    }
    return question->udp_size < DNS_UDP_MAX ? question->udp_size : DNS_UDP_MAX;
}

/* ---- answers ---- */

struct writer {
    ldns_buffer out;
    const struct dns_question *question;
};

static bool same_name(const uint8_t *a, const uint8_t *b, size_t size)
{
    return str_eq_nocase((struct str){(const char *)a, size}, (struct str){(const char *)b, size});
}

/* Where in the name of the question the same name begins; 0: nowhere. */
static size_t find_in_question(const struct writer *writer, const uint8_t *name, size_t size)
{
    const struct dns_name *asked = &writer->question->name;
    size_t at = 0;
    while ((size_t)asked->size > at + size) {
        at += 1U + asked->bytes[at];
    }
    bool found = size > 1 && asked->size == at + size && same_name(asked->bytes + at, name, size);
    return found ? HEADER + at : 0;
}

static void write_whole_name(struct writer *writer, const uint8_t *name)
{
    ldns_buffer_write(&writer->out, name, dns_name_size(name));
}

/* What the name has in common with that of the question is written as a pointer to it. */
static void write_name(struct writer *writer, const uint8_t *name)
{
    for (size_t size = dns_name_size(name); size > 1; size -= 1U + name[0], name += 1U + name[0]) {
        size_t at = find_in_question(writer, name, size);
        if (at > 0) {
            ldns_buffer_write_u16(&writer->out, (uint16_t)(0xc000 | at));
            return;
        }
        ldns_buffer_write(&writer->out, name, 1U + name[0]);
    }
    ldns_buffer_write_u8(&writer->out, 0);
}

static void write_soa(struct writer *writer, const struct dns_record *record)
{
    write_name(writer, record->of.soa.server);
    write_name(writer, record->of.soa.mailbox);
    ldns_buffer_write_u32(&writer->out, record->of.soa.serial);
    ldns_buffer_write_u32(&writer->out, record->of.soa.refresh);
    ldns_buffer_write_u32(&writer->out, record->of.soa.retry);
    ldns_buffer_write_u32(&writer->out, record->of.soa.expire);
    ldns_buffer_write_u32(&writer->out, record->of.soa.minimum);
}

static void write_data(struct writer *writer, const struct dns_record *record)
{
    ldns_buffer *out = &writer->out;
    switch (record->type) {
    case DNS_A: ldns_buffer_write(out, record->of.address, 4); break;
    case DNS_AAAA: ldns_buffer_write(out, record->of.address, 16); break;
    case DNS_NS:
    case DNS_CNAME: write_name(writer, record->of.target); break;
    case DNS_SOA: write_soa(writer, record); break;
    case DNS_SRV:
        ldns_buffer_write_u16(out, record->of.srv.priority);
        ldns_buffer_write_u16(out, record->of.srv.weight);
        ldns_buffer_write_u16(out, record->of.srv.port);
        write_whole_name(writer, record->of.srv.target); /* RFC 2782: no pointer */
        break;
    default: ldns_buffer_write(out, record->of.texts.data, record->of.texts.size); break;
    }
}

static void write_record(struct writer *writer, const struct dns_record *record)
{
    ldns_buffer *out = &writer->out;
    if (record->owner == NULL) {
        ldns_buffer_write_u16(out, 0xc000 | HEADER);
    } else {
        write_name(writer, record->owner);
    }
    ldns_buffer_write_u16(out, record->type);
    ldns_buffer_write_u16(out, DNS_CLASS_IN);
    ldns_buffer_write_u32(out, record->ttl);
    size_t size_at = ldns_buffer_position(out);
    ldns_buffer_write_u16(out, 0);
    write_data(writer, record);
    ldns_buffer_write_u16_at(out, size_at, (uint16_t)(ldns_buffer_position(out) - size_at - 2));
}

static void write_opt(struct writer *writer, enum dns_rcode rcode)
{
    ldns_buffer_write_u8(&writer->out, 0);
    ldns_buffer_write_u16(&writer->out, LDNS_RR_TYPE_OPT);
    ldns_buffer_write_u16(&writer->out, DNS_UDP_MAX);
    ldns_buffer_write_u8(&writer->out, (uint8_t)((unsigned)rcode >> 4));
    ldns_buffer_write_u8(&writer->out, OPT_VERSION);
    ldns_buffer_write_u16(&writer->out, writer->question->dnssec_ok ? 0x8000 : 0);
    ldns_buffer_write_u16(&writer->out, 0);
}

static void write_header(struct writer *writer, const struct dns_answer *answer)
{
    const struct dns_question *question = writer->question;
    ldns_buffer_write_u16(&writer->out, question->id);
    ldns_buffer_write_u8(&writer->out, (uint8_t)(FLAG_RESPONSE | question->opcode << 3 |
                                                 (answer->authoritative ? FLAG_AUTHORITATIVE : 0) |
                                                 (question->recursion_desired ? FLAG_RECURSION_DESIRED : 0)));
    ldns_buffer_write_u8(&writer->out, (uint8_t)((question->checking_disabled ? FLAG_CHECKING_DISABLED : 0) |
                                                 ((unsigned)answer->rcode & 0xf)));
    ldns_buffer_write_u16(&writer->out, question->name.size > 0 ? 1 : 0);
    for (int section = 0; section < 3; section++) {
        ldns_buffer_write_u16(&writer->out, 0);
    }
}

static void write_records(struct writer *writer, const struct dns_answer *answer, size_t limit)
{
    uint16_t counts[3] = {0};
    for (size_t i = 0; i < answer->count; i++) {
        size_t before = ldns_buffer_position(&writer->out);
        write_record(writer, &answer->records[i]);
        if (ldns_buffer_position(&writer->out) > limit) {
            ldns_buffer_set_position(&writer->out, before);
            if (answer->records[i].section != DNS_IN_ADDITIONAL) {
                uint8_t flags = *ldns_buffer_at(&writer->out, 2);
                ldns_buffer_write_u8_at(&writer->out, 2, flags | FLAG_TRUNCATED);
            }
            break;
        }
        counts[answer->records[i].section]++;
    }
    if (writer->question->edns) {
        counts[DNS_IN_ADDITIONAL]++;
    }
    for (size_t section = 0; section < 3; section++) {
        ldns_buffer_write_u16_at(&writer->out, 6 + 2 * section, counts[section]);
    }
}

size_t dns_wire_write(const struct dns_question *question, const struct dns_answer *answer, size_t limit,
                      uint8_t *ret_bytes)
{
    size_t room = limit + DNS_WIRE_SLACK;
    struct writer writer = {.question = question,
                            .out = {._data = ret_bytes, ._capacity = room, ._limit = room, ._fixed = 1}};
    write_header(&writer, answer);
    if (question->name.size > 0) {
        write_whole_name(&writer, question->name.bytes);
        ldns_buffer_write_u16(&writer.out, question->type);
        ldns_buffer_write_u16(&writer.out, question->class);
    }
    write_records(&writer, answer, limit - (question->edns ? OPT_SIZE : 0));
    if (question->edns) {
        write_opt(&writer, answer->rcode);
    }
    return ldns_buffer_position(&writer.out);
}

bool dns_wire_is_truncated(const uint8_t *answer)
{
    return (answer[2] & FLAG_TRUNCATED) != 0;
}
