/* Heads, and bodies that are errors: the text for people is one line of UTF-8. The first two bytes are the status. */
#include "must.h"

#include "outrider/codec/consul/consul_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct consul_status status;
    struct consul_head head;
    if (size < 2) {
        return 0;
    }
    int number = 100 + (data[0] << 8 | data[1]) % 500;
    struct str body = {(const char *)data + 2, size - 2};
    consul_head_decode(body, &head);
    must(head.index >= 0 && head.index <= REGISTRY_REVISION_MAX && head.last_contact >= 0);
    for (int changes = 0; changes < 2; changes++) {
        consul_status_of(number, body, changes == 1, &status);
        must((status.failure == REGISTRY_OK) == (status.text[0] == '\0'));
        must(str_is_utf8(str_of(status.text)) && strpbrk(status.text, "\r\n") == NULL);
        must(changes == 1 || status.failure != REGISTRY_UNKNOWN);
    }
    return 0;
}
