/* A DNS server for tests, on a loopback address and on the loop of the test. Every server of a test has the same
 * port, as resolv.conf names addresses only. */
#ifndef OUTRIDER_TESTS_UNIT_IO_NET_NAME_SERVER_H
#define OUTRIDER_TESTS_UNIT_IO_NET_NAME_SERVER_H

#include <event2/event_struct.h>
#include <stdint.h>

struct loop;

enum name_server_mode {
    NAME_SERVER_ANSWERS,
    NAME_SERVER_SILENT,
    NAME_SERVER_REFUSES,       /* rcode 5 */
    NAME_SERVER_FAILS,         /* rcode 2 */
    NAME_SERVER_NO_SUCH_NAME,  /* rcode 3 */
    NAME_SERVER_NO_ADDRESS,    /* rcode 0 without an answer */
    NAME_SERVER_SWALLOWS_AAAA, /* no reply to that type alone */
    NAME_SERVER_SWALLOWS_A,
    NAME_SERVER_GARBAGE,    /* a valid header and question, then bytes that are no answer */
    NAME_SERVER_CUT,        /* an answer whose record ends too early */
    NAME_SERVER_WRONG_ID,   /* a reply to another query */
    NAME_SERVER_WRONG_NAME, /* a reply to another question */
    NAME_SERVER_TRUNCATES,  /* TC by UDP; answers by TCP */
};

enum { NAME_SERVER_CONNECTIONS = 4 };

struct name_server_connection {
    struct name_server *server; /* NULL: unused */
    int fd;
    struct event event;
};

struct name_server {
    enum name_server_mode mode;
    unsigned number;   /* gives 127.0.0.NUMBER, the following, and fd00::NUMBER:1, ... */
    unsigned v4s, v6s; /* how many of each */
    unsigned asked;    /* queries received */
    char first_name[256];
    int udp, tcp; /* -1: closed */
    struct event udp_event, tcp_event;
    struct name_server_connection connections[NAME_SERVER_CONNECTIONS];
};

/* Opens `count` servers at 127.0.0.1 and the following addresses, each with one IPv4 and no IPv6 address to give, on
 * a port that is free on all of them. Returns the port. */
uint16_t name_servers_open(struct name_server *servers, unsigned count, struct loop *loop);

/* Closes the sockets; the kernel then refuses what is sent to them. May be closed already. */
void name_server_close(struct name_server *server);

#endif
