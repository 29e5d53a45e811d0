#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ldns/ldns.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/dns/dns_wire.h"

#define BYTES(literal) STR(literal)

#define ASKED "\x05World\x08OutRider\0\0\x21\0\x01"
#define HEAD "\x12\x34\x01\x00\0\x01\0\0\0\0\0\0"
#define HEAD_EDNS "\x12\x34\x01\x00\0\x01\0\0\0\0\0\x01"

static enum dns_rcode read_one(struct str message, struct dns_question *question)
{
    enum dns_rcode rcode;
    assert_int_equal(dns_wire_read(message, question, &rcode), 0);
    return rcode;
}

static void a_question_is_read(void **state)
{
    struct dns_question question;
    (void)state;
    assert_int_equal(read_one(BYTES(HEAD ASKED), &question), DNS_NOERROR);
    assert_int_equal(question.id, 0x1234);
    assert_true(question.recursion_desired && !question.checking_disabled && !question.edns);
    assert_int_equal(question.type, DNS_SRV);
    assert_int_equal(question.class, DNS_CLASS_IN);
    assert_int_equal(question.name.size, 16);
    assert_memory_equal(question.name.bytes, ASKED, 16); /* in the case of the client */
    assert_int_equal(dns_wire_udp_limit(&question), DNS_UDP_MIN);
}

static void an_opt_record_says_how_much_fits(void **state)
{
    static const struct {
        struct str message;
        size_t limit;
    } cases[] = {
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x29\x10\0\0\0\x80\0\0\0"), 1232}, /* 4096 */
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x29\xff\xff\0\0\x80\0\0\0"), 1232},
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x29\x02\x58\0\0\x80\0\0\0"), 600},
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x29\0\0\0\0\x80\0\0\0"), 512},
    };
    struct dns_question question;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_one(cases[i].message, &question), DNS_NOERROR);
        assert_true(question.edns && question.dnssec_ok);
        assert_int_equal(dns_wire_udp_limit(&question), cases[i].limit);
    }
    assert_int_equal(read_one(BYTES(HEAD_EDNS ASKED "\0\0\x29\x10\0\0\x01\0\0\0\0"), &question), DNS_BADVERS);
    assert_true(question.name.size > 0 && question.edns);
}

static void what_is_no_question_is_told_so(void **state)
{
    static const struct {
        struct str message;
        enum dns_rcode rcode;
    } cases[] = {
        {STR_INIT(HEAD), DNS_FORMERR},
        {STR_INIT(HEAD "\x05World"), DNS_FORMERR},
        {STR_INIT(HEAD "\x05World\0\0\x21\0"), DNS_FORMERR},
        {STR_INIT("\x12\x34\x01\0\0\0\0\0\0\0\0\0"), DNS_FORMERR},                       /* no question */
        {STR_INIT("\x12\x34\x01\0\0\x02\0\0\0\0\0\0" ASKED ASKED), DNS_FORMERR},         /* two */
        {STR_INIT("\x12\x34\x01\0\xff\xff\0\0\0\0\0\0" ASKED), DNS_FORMERR},             /* so it says */
        {STR_INIT("\x12\x34\x01\0\0\x01\0\x01\0\0\0\0" ASKED), DNS_FORMERR},             /* an answer */
        {STR_INIT("\x12\x34\x01\0\0\x01\0\0\0\x01\0\0" ASKED), DNS_FORMERR},             /* an authority */
        {STR_INIT(HEAD_EDNS ASKED), DNS_FORMERR},                                        /* no OPT */
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x01\0\x01\0\0\0\0\0\x04\1\2\3\4"), DNS_FORMERR}, /* something else */
        {STR_INIT(HEAD_EDNS ASKED "\0\0\x29\x10\0\0\0\0\0\0\x09"), DNS_FORMERR}, /* longer than the message */
        {STR_INIT(HEAD "\xc0\x0c\0\x01\0\x01"), DNS_FORMERR},                    /* a name that is itself */
        {STR_INIT(HEAD "\x01w\xc0\x0c\0\x01\0\x01"), DNS_FORMERR},
        {STR_INIT(HEAD "\x40" ASKED), DNS_FORMERR},                       /* a label of a kind that is gone */
        {STR_INIT("\x12\x34\x28\0\0\x01\0\0\0\0\0\0" ASKED), DNS_NOTIMP}, /* UPDATE */
        {STR_INIT("\x12\x34\x20\0\0\x01\0\0\0\0\0\0" ASKED), DNS_NOTIMP}, /* NOTIFY */
    };
    struct dns_question question;
    enum dns_rcode rcode;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_one(cases[i].message, &question), cases[i].rcode);
        assert_int_equal(question.id, 0x1234);
        assert_int_equal(question.name.size, 0);
    }
    assert_int_equal(dns_wire_read(BYTES("\x12\x34\x81\x80\0\x01\0\0\0\0\0\0" ASKED), &question, &rcode), -1);
    assert_int_equal(dns_wire_read(BYTES("\x12\x34\x01"), &question, &rcode), -1);
    assert_int_equal(dns_wire_read((struct str){NULL, 0}, &question, &rcode), -1);
}

/* A pointer that leads to a 0 of the header, before so many bytes that a label of its size would be whole. */
static void a_name_is_written_out(void **state)
{
    struct dns_question question;
    struct buf message = {0};
    (void)state;
    buf_str(&message, BYTES(HEAD "\x01w\xc0\x04\0\x01\0\x01"));
    memset(buf_extend(&message, 300), 0, 300);
    assert_int_equal(read_one(buf_view(&message), &question), DNS_FORMERR);
    buf_fini(&message);
}

static void a_name_has_at_most_255_bytes(void **state)
{
    struct dns_question question;
    (void)state;
    for (size_t last = 60; last <= 63; last++) {
        struct buf message = {0};
        buf_add(&message, HEAD, sizeof(HEAD) - 1);
        for (size_t label = 0; label < 4; label++) {
            size_t size = label < 3 ? 63 : last;
            char *bytes = buf_extend(&message, size + 1);
            memset(bytes, 'a', size + 1);
            bytes[0] = (char)size;
        }
        buf_add(&message, "\0\0\x01\0\x01", 5);
        enum dns_rcode rcode = read_one(buf_view(&message), &question);
        assert_int_equal(rcode, 3 * 64 + last + 2 <= 255 ? DNS_NOERROR : DNS_FORMERR);
        buf_fini(&message);
    }
}

static struct dns_answer *make_answer(size_t count, const uint8_t *target)
{
    struct dns_answer *answer = calloc(1, sizeof(*answer));
    answer->authoritative = true;
    for (size_t i = 0; i < count; i++) {
        struct dns_record *record = &answer->records[answer->count++];
        *record = (struct dns_record){.type = DNS_SRV, .ttl = 5};
        record->of.srv.target = target;
        record->of.srv.priority = 1;
        record->of.srv.weight = 2;
        record->of.srv.port = (uint16_t)(8000 + i);
    }
    for (size_t i = 0; i < count; i++) {
        struct dns_record *record = &answer->records[answer->count++];
        *record = (struct dns_record){.section = DNS_IN_ADDITIONAL,
                                      .type = DNS_A,
                                      .ttl = 5,
                                      .owner = target,
                                      .of.address = {10, 0, 0, 1}};
    }
    return answer;
}

/* Answers of any number of records are whole within their limit, or say that they are not; and are what ldns reads. */
static void an_answer_fits_its_limit(void **state)
{
    static const uint8_t target[] = "\x02w1\x05world\x08outrider";
    static const size_t limits[] = {512, 600, 1232, 65535};
    struct dns_question question;
    uint8_t *bytes = malloc(DNS_TCP_MAX + DNS_WIRE_SLACK);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits) * 80; i++) {
        size_t limit = limits[i / 80], wanted = i % 80;
        struct str message =
            i % 2 == 0 ? BYTES(HEAD ASKED) : BYTES(HEAD_EDNS ASKED "\0\0\x29\x10\0\0\0\0\0\0\0");
        assert_int_equal(read_one(message, &question), DNS_NOERROR);
        struct dns_answer *answer = make_answer(wanted, target);
        size_t size = dns_wire_write(&question, answer, limit, bytes);
        ldns_pkt *packet = NULL;
        assert_true(size <= limit);
        assert_int_equal(ldns_wire2pkt(&packet, bytes, size), LDNS_STATUS_OK);
        size_t answers = ldns_pkt_ancount(packet), additional = ldns_pkt_arcount(packet);
        assert_true(ldns_pkt_qr(packet) && ldns_pkt_aa(packet) && ldns_pkt_rd(packet) &&
                    !ldns_pkt_ra(packet));
        assert_int_equal(ldns_pkt_id(packet), 0x1234);
        assert_int_equal(ldns_pkt_edns(packet), i % 2 == 1);
        assert_int_equal(ldns_pkt_tc(packet), answers < wanted);
        assert_int_equal(dns_wire_is_truncated(bytes), answers < wanted);
        assert_true(answers == wanted || (answers > 0 && additional == 0));
        assert_true(additional == wanted || size + 50 > limit); /* no room is left for what is left out */
        ldns_pkt_free(packet);
        free(answer);
    }
    free(bytes);
}

static void every_kind_of_record_is_read_by_ldns(void **state)
{
    static const uint8_t origin[] = "\x08outrider",
                         server[] = "\x02ns\x03"
                                    "dns\x08outrider",
                         host[] = "\x04game\x07"
                                  "example";
    static const char wanted[] = "world.outrider.\t9\tIN\tCNAME\tgame.example.\n"
                                 "outrider.\t9\tIN\tNS\tns.dns.outrider.\n"
                                 "world.outrider.\t9\tIN\tAAAA\tfd00::1\n"
                                 "world.outrider.\t9\tIN\tTXT\t\"a=b\" \"\"\n"
                                 "outrider.\t9\tIN\tSOA\tns.dns.outrider. outrider. 1 2 3 4 5\n";
    struct dns_question question;
    struct dns_answer *answer = calloc(1, sizeof(*answer));
    uint8_t *bytes = malloc(DNS_TCP_MAX + DNS_WIRE_SLACK);
    (void)state;
    assert_int_equal(
        read_one(BYTES("\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x05world\x08outrider\0\0\x01\0\x01"), &question),
        DNS_NOERROR);
    answer->rcode = DNS_NXDOMAIN;
    answer->count = 5;
    answer->records[0] = (struct dns_record){.type = DNS_CNAME, .ttl = 9, .of.target = host};
    answer->records[1] = (struct dns_record){.type = DNS_NS, .ttl = 9, .owner = origin, .of.target = server};
    answer->records[2] = (struct dns_record){.type = DNS_AAAA, .ttl = 9, .of.address = {0xfd, [15] = 1}};
    answer->records[3] = (struct dns_record){.type = DNS_TXT, .ttl = 9, .of.texts = {"\3a=b", 5}};
    answer->records[4] =
        (struct dns_record){.section = DNS_IN_AUTHORITY, .type = DNS_SOA, .ttl = 9, .owner = origin};
    answer->records[4].of.soa.server = server;
    answer->records[4].of.soa.mailbox = origin;
    answer->records[4].of.soa.serial = 1;
    answer->records[4].of.soa.refresh = 2;
    answer->records[4].of.soa.retry = 3;
    answer->records[4].of.soa.expire = 4;
    answer->records[4].of.soa.minimum = 5;
    size_t size = dns_wire_write(&question, answer, 512, bytes);
    ldns_pkt *packet = NULL;
    assert_int_equal(ldns_wire2pkt(&packet, bytes, size), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_get_rcode(packet), LDNS_RCODE_NXDOMAIN);
    assert_true(ldns_pkt_cd(packet) && !ldns_pkt_aa(packet));
    ldns_rr_list *all = ldns_pkt_all_noquestion(packet);
    char *text = ldns_rr_list2str(all);
    assert_string_equal(text, wanted);
    free(text);
    ldns_rr_list_deep_free(all);
    ldns_pkt_free(packet);
    free(bytes);
    free(answer);
}

static void a_refusal_has_its_question_or_none(void **state)
{
    struct dns_question question;
    struct dns_answer *answer = calloc(1, sizeof(*answer));
    uint8_t bytes[DNS_UDP_MIN + DNS_WIRE_SLACK];
    (void)state;
    assert_int_equal(read_one(BYTES("\x12\x34\x28\0\0\x01\0\0\0\0\0\0" ASKED), &question), DNS_NOTIMP);
    answer->rcode = DNS_NOTIMP;
    assert_int_equal(dns_wire_write(&question, answer, DNS_UDP_MIN, bytes), 12);
    assert_memory_equal(bytes, "\x12\x34\xa8\x04\0\0\0\0\0\0\0\0", 12);
    assert_int_equal(read_one(BYTES(HEAD_EDNS ASKED "\0\0\x29\x10\0\0\x01\0\0\0\0"), &question), DNS_BADVERS);
    answer->rcode = DNS_BADVERS;
    size_t size = dns_wire_write(&question, answer, DNS_UDP_MIN, bytes);
    assert_memory_equal(bytes, "\x12\x34\x81\0\0\x01\0\0\0\0\0\x01" ASKED "\0\0\x29\x04\xd0\x01\0\0\0\0\0",
                        size);
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read),
        cmocka_unit_test(an_opt_record_says_how_much_fits),
        cmocka_unit_test(what_is_no_question_is_told_so),
        cmocka_unit_test(a_name_is_written_out),
        cmocka_unit_test(a_name_has_at_most_255_bytes),
        cmocka_unit_test(an_answer_fits_its_limit),
        cmocka_unit_test(every_kind_of_record_is_read_by_ldns),
        cmocka_unit_test(a_refusal_has_its_question_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
