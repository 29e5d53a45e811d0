#include "outrider/core/access/access_list.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

void access_entry_fini(struct access_entry *entry)
{
    for (size_t i = 0; i < entry->cert_count; i++) {
        free(entry->certs[i]);
    }
    *entry = (struct access_entry){0};
}

void access_list_fini(struct access_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        access_entry_fini(&list->entries[i]);
    }
    free(list->entries);
    *list = (struct access_list){0};
}

static int check_new(const struct access_list *list, const struct access_entry *entry, struct error *err)
{
    if (list->count >= ACCESS_LIST_MAX) {
        return error_set(err, ERROR_LIMIT, "more than %d names", ACCESS_LIST_MAX);
    }
    if (access_list_name(list, str_of(entry->name)) != NULL) {
        return error_set(err, ERROR_INVALID, "`%s` is there already: each name has one line", entry->name);
    }
    const struct access_entry *other = entry->has_token ? access_list_token(list, entry->hash) : NULL;
    if (other != NULL) {
        return error_set(err, ERROR_INVALID, "`%s` has the token of `%s`: each name has its own", entry->name,
                         other->name);
    }
    for (size_t i = 0; i < entry->cert_count; i++) {
        other = access_list_cert(list, str_of(entry->certs[i]));
        if (other != NULL) {
            return error_set(err, ERROR_INVALID, "`%s` has `cert:%s` of `%s`: each name has its own",
                             entry->name, entry->certs[i], other->name);
        }
    }
    return 0;
}

int access_list_add(struct access_list *list, struct access_entry *entry, struct error *err)
{
    if (check_new(list, entry, err) < 0) {
        access_entry_fini(entry);
        return -1;
    }
    list->entries = mem_grow(list->entries, list->count, &list->capacity, sizeof(*list->entries));
    list->entries[list->count++] = *entry;
    *entry = (struct access_entry){0};
    return 0;
}

const struct access_entry *access_list_name(const struct access_list *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(str_of(list->entries[i].name), name)) {
            return &list->entries[i];
        }
    }
    return NULL;
}

static bool same_hash(const unsigned char *a, const unsigned char *b)
{
    unsigned char differ = 0;
    for (size_t i = 0; i < ACCESS_HASH_SIZE; i++) {
        differ = (unsigned char)(differ | (a[i] ^ b[i]));
    }
    return differ == 0;
}

const struct access_entry *access_list_token(const struct access_list *list,
                                             const unsigned char hash[static ACCESS_HASH_SIZE])
{
    const struct access_entry *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct access_entry *each = &list->entries[i];
        found = each->has_token && same_hash(each->hash, hash) ? each : found;
    }
    return found;
}

const struct access_entry *access_list_cert(const struct access_list *list, struct str cert)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->entries[i].cert_count; j++) {
            if (str_eq(str_of(list->entries[i].certs[j]), cert)) {
                return &list->entries[i];
            }
        }
    }
    return NULL;
}

uint64_t access_hash_key(const unsigned char hash[static ACCESS_HASH_SIZE])
{
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof(key); i++) {
        key = key << 8 | hash[i];
    }
    return key;
}

uint64_t access_entry_key(const struct access_entry *entry)
{
    return entry->has_token ? access_hash_key(entry->hash) : 0;
}

static bool is_name_character(struct str character)
{
    char c = character.data[0];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || (c != '\0' && strchr("._-@+", c) != NULL) ||
           (character.size > 1 && !str_is_control(character));
}

int access_name_check(struct str name, struct error *err)
{
    if (name.size == 0 || name.size > ACCESS_NAME_MAX) {
        return error_set(err, ERROR_INVALID, "a name has 1 to %d bytes, this one has %zu", ACCESS_NAME_MAX,
                         name.size);
    }
    for (struct str rest = name; rest.size > 0;) {
        size_t size = str_utf8_character(rest);
        if (size == 0 || !is_name_character((struct str){rest.data, size})) {
            return error_set(
                err, ERROR_INVALID,
                "a name has letters, digits, `.`, `_`, `-`, `@` and `+`, and characters beyond ASCII");
        }
        rest = (struct str){rest.data + size, rest.size - size};
    }
    if (str_eq(name, STR("anonymous")) || str_eq(name, STR("token"))) {
        return error_set(err, ERROR_INVALID,
                         "`%.*s` is what the agent calls a request without a name of its own", STR_ARG(name));
    }
    return 0;
}
