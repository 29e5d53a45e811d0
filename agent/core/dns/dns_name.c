#include "outrider/core/dns/dns_name.h"

#include <string.h>

static uint8_t small(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

bool dns_name_is_label(struct str text)
{
    if (text.size == 0 || text.size > DNS_LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = small((uint8_t)text.data[i]);
        bool inside = i > 0 && i + 1 < text.size;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (inside && (c == '-' || c == '_')))) {
            return false;
        }
    }
    return true;
}

int dns_name_read(struct str text, struct dns_name *ret_name)
{
    struct dns_name name = {.size = 1};
    if (text.size > 0 && text.data[text.size - 1] == '.') {
        text.size--;
    }
    if (dns_name_prepend(&name, text) < 0) {
        return -1;
    }
    *ret_name = name;
    return 0;
}

int dns_name_prepend(struct dns_name *name, struct str text)
{
    uint8_t front[DNS_NAME_MAX];
    size_t size = text.size + 1, label = 0;
    if (text.size == 0 || size + name->size > DNS_NAME_MAX) {
        return -1;
    }
    for (size_t i = 0; i <= text.size; i++) {
        if (i == text.size || text.data[i] == '.') {
            if (i - label == 0 || i - label > DNS_LABEL_MAX) {
                return -1;
            }
            front[label] = (uint8_t)(i - label);
            label = i + 1;
        } else {
            front[i + 1] = (uint8_t)text.data[i];
        }
    }
    memmove(name->bytes + size, name->bytes, name->size);
    memcpy(name->bytes, front, size);
    name->size = (uint8_t)(name->size + size);
    return 0;
}

size_t dns_name_size(const uint8_t *bytes)
{
    size_t size = 0;
    while (bytes[size] != 0) {
        size += 1U + bytes[size];
    }
    return size + 1;
}

struct str dns_name_first(const uint8_t *bytes)
{
    return (struct str){(const char *)bytes + 1, bytes[0]};
}

void dns_name_fold(struct dns_name *name)
{
    for (size_t i = 0; i < name->size; i++) {
        name->bytes[i] = small(name->bytes[i]);
    }
}

bool dns_name_is_below(const struct dns_name *name, const struct dns_name *origin, size_t *ret_size)
{
    size_t at = 0;
    while (name->size > at + origin->size) {
        at += 1U + name->bytes[at];
    }
    if (name->size != at + origin->size) {
        return false;
    }
    for (size_t i = 0; i < origin->size; i++) {
        if (small(name->bytes[at + i]) != small(origin->bytes[i])) {
            return false;
        }
    }
    *ret_size = at;
    return true;
}
