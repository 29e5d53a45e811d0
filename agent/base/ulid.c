#include "outrider/base/ulid.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ulid_format(int64_t wall_ms, const uint8_t entropy[static 10], char out[static ULID_LENGTH + 1])
{
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
    }
    memcpy(bytes + 6, entropy, 10);
    /* 128 bits in 26 digits of 5: the first digit has only 3 bits */
    unsigned pending = 0, bits = 2, at = 0;
    for (int i = 0; i < 16; i++) {
        pending = (pending << 8) | bytes[i];
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out[at++] = alphabet[(pending >> bits) & 31];
        }
    }
    out[ULID_LENGTH] = '\0';
}

bool ulid_valid(struct str text)
{
    if (text.size != ULID_LENGTH || text.data[0] > '7') {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(alphabet, text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

void ulid_read(struct str valid, int64_t *ret_wall_ms, uint8_t ret_entropy[static 10])
{
    uint8_t bytes[16];
    unsigned pending = 0, bits = 0, at = 0;
    for (size_t i = 0; i < ULID_LENGTH; i++) {
        pending = (pending << 5) | (unsigned)(strchr(alphabet, valid.data[i]) - alphabet);
        bits += i == 0 ? 3 : 5;
        if (bits >= 8) {
            bits -= 8;
            bytes[at++] = (uint8_t)(pending >> bits);
        }
    }
    *ret_wall_ms = 0;
    for (int i = 0; i < 6; i++) {
        *ret_wall_ms = (*ret_wall_ms << 8) | bytes[i];
    }
    memcpy(ret_entropy, bytes + 6, 10);
}
