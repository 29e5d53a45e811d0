#include "outrider/core/config/address.h"

bool address_is_ipv4(struct str text)
{
    for (int part = 0; part < 4; part++) {
        const char *dot = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
        if ((dot == NULL) != (part == 3)) {
            return false;
        }
        struct str number = str_split(text, '.', &text);
        uint64_t value;
        if (str_to_u64(number, 255, &value) < 0 || (number.size > 1 && number.data[0] == '0')) {
            return false;
        }
    }
    return true;
}

static bool is_group(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return text.size >= 1 && text.size <= 4;
}

/* Number of 16-bit groups in `text`, groups separated by single colons; -1 when it is malformed. Only the end
 * of an address may be written as IPv4. */
static int count_groups(struct str text, bool at_end)
{
    int groups = 0;
    while (text.size > 0) {
        bool more = memchr(text.data, ':', text.size) != NULL;
        struct str group = str_split(text, ':', &text);
        if (is_group(group)) {
            groups++;
        } else if (!more && at_end && address_is_ipv4(group)) {
            groups += 2;
        } else {
            return -1;
        }
        if ((more && text.size == 0) || groups > 8) {
            return -1;
        }
    }
    return groups;
}

bool address_is_ipv6(struct str text)
{
    if (text.size < 2 || text.size > 45) {
        return false;
    }
    const char *gap = memmem(text.data, text.size, "::", 2);
    if (gap == NULL) {
        return count_groups(text, true) == 8;
    }
    size_t head = (size_t)(gap - text.data);
    int before = count_groups((struct str){text.data, head}, false);
    int after = count_groups((struct str){gap + 2, text.size - head - 2}, true);
    return before >= 0 && after >= 0 && before + after <= 7;
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
