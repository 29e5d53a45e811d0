/* The access file: what is read has names that are names, each once; what is not names its line. */
#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/access/access_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct access_list list = {0};
    struct error err = {0};
    if (access_file_read((struct str){(const char *)data, size}, &err, &list) < 0) {
        must(err.code != ERROR_NONE && strncmp(err.text, "line ", 5) == 0);
        must(list.count == 0 && list.entries == NULL);
        return 0;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct access_entry *entry = &list.entries[i];
        must(access_name_check(str_of(entry->name), &err) == 0);
        must(entry->role > ACCESS_NONE && entry->role < ACCESS_ROLE_COUNT);
        must(access_list_name(&list, str_of(entry->name)) == entry);
        must(!entry->has_token || access_list_token(&list, entry->hash) == entry);
        for (size_t j = 0; j < entry->cert_count; j++) {
            must(access_list_cert(&list, str_of(entry->certs[j])) == entry);
        }
    }
    access_list_fini(&list);
    return 0;
}
