/* Records of the fleet: the first line is a key, the rest its value. What is taken for a record is handed on
 * as the bytes it is, so it must be JSON to everybody, and it costs what it may; what the agent's own decoder
 * takes for a record is one here, too. */
#include "must.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/server/record.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(struct str text)
{
    json_error_t why;
    json_t *root = json_loadb(text.data, text.size, 0, &why);
    json_decref(root);
    /* Numbers may be larger than this reader of them can tell; they are JSON all the same. */
    return root != NULL || strstr(why.text, "too big") != NULL || strstr(why.text, "overflow") != NULL;
}

static void check_own(struct str json)
{
    struct record record;
    struct view_entry *entry;
    struct error err = {0};
    char key[512];
    if (record_decode(json, &record, &err) < 0) {
        return;
    }
    snprintf(key, sizeof(key), "/s/%s/%s", record.type, record.id);
    struct view_place place = {.key = str_of(key)};
    if (strchr(record.type, '/') == NULL && strchr(record.id, '/') == NULL) {
        must(view_record_decode(STR("/s"), &place, json, &entry, &err) == 0);
        must(entry->status == (unsigned)record.status);
        must(str_eq(view_entry_text(entry, VIEW_HOST), str_of(record.host)));
        for (size_t i = 0; i < record.tag_count; i++) {
            must(view_entry_has_tag(entry, str_of(record.tags[i])));
        }
        for (size_t i = 0; i < record.label_count; i++) {
            must(str_eq(view_entry_label(entry, str_of(record.labels[i].name)),
                        str_of(record.labels[i].value)));
        }
        view_entry_unref(entry);
    }
    record_fini(&record);
}

/* What the fleet view lists, a takeover accepts: all but a status of another version. */
static void check_takeover(struct str json)
{
    struct record record;
    struct error err = {0};
    if (record_decode(json, &record, &err) == 0) {
        record_fini(&record);
    } else {
        must(err.code == ERROR_NOT_FOUND);
    }
}

/* A signature cannot be guessed; and what the API says of one leaves the record JSON. */
static void check_signature(struct view_entry *entry)
{
    static const char public[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n"; /* of docs/design/signed-record */
    static struct sign_trust *trust;
    struct view_item item = {.entry = entry};
    struct error err = {0};
    struct buf served = {0};
    if (trust == NULL) {
        trust = sign_trust_new();
        must(sign_trust_add(trust, str_of(public), &err) == 0);
    }
    must(record_check(&(struct record_check){.trust = trust, .require = true}, &item, &err) < 0);
    must(item.skip == VIEW_SKIP_UNSIGNED || item.skip == VIEW_SKIP_BAD_SIG);
    record_write_served(entry, &served);
    must(is_json(buf_view(&served)));
    buf_fini(&served);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json, key = str_split((struct str){(const char *)data, size}, '\n', &json);
    struct view_place place = {.key = key};
    struct view_entry *entry;
    struct error err = {0};
    check_own(json);
    if (view_record_decode(STR("/s"), &place, json, &entry, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    check_takeover(json);
    json = str_skip_bom(json); /* the entry leaves it out */
    must(is_json(json) && str_eq(blob_view(entry->json), json));
    must(str_eq(view_entry_key(entry), key));
    must(view_entry_size(entry) <= 2 * json.size + key.size + 1024);
    check_signature(entry);
    view_entry_unref(entry);
    return 0;
}
