#include "outrider/core/config/address.h"

#include <arpa/inet.h>

static bool is_address(struct str text, int family)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

bool address_is_ipv4(struct str text)
{
    return is_address(text, AF_INET);
}

bool address_is_ipv6(struct str text)
{
    return is_address(text, AF_INET6);
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.size; i++) {
        char c = label.data[i];
        bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    c == '-';
        if (!fits) {
            return false;
        }
    }
    return label.size >= 1 && label.size <= 63 && label.data[0] != '-' && label.data[label.size - 1] != '-';
}

bool address_is_name(struct str text)
{
    if (text.size == 0 || text.size > 253 || text.data[text.size - 1] == '.') {
        return false;
    }
    bool digits = true;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        digits = digits && ((c >= '0' && c <= '9') || c == '.');
    }
    while (text.size > 0) {
        if (!is_label(str_split(text, '.', &text))) {
            return false;
        }
    }
    return !digits;
}

bool address_is_loopback(struct str host)
{
    return str_eq(host, STR("localhost")) || str_eq(host, STR("::1")) ||
           (address_is_ipv4(host) && str_starts(host, STR("127.")));
}

int address_split(struct str text, struct str *ret_host, uint16_t *ret_port)
{
    struct str host, rest;
    if (text.size > 0 && text.data[0] == '[') {
        host = str_split((struct str){text.data + 1, text.size - 1}, ']', &rest);
        if (!address_is_ipv6(host) || rest.size == 0 || rest.data[0] != ':') {
            return -1;
        }
        rest = (struct str){rest.data + 1, rest.size - 1};
    } else {
        host = str_split(text, ':', &rest);
        if (!address_is_ipv4(host) && !address_is_name(host)) {
            return -1;
        }
    }
    uint64_t port;
    if (str_to_u64(rest, UINT16_MAX, &port) < 0 || port == 0) {
        return -1;
    }
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return 0;
}
