#include "outrider/codec/record/record_sign.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_read.h"
#include "record_check_internal.h"
#include "record_scan_internal.h"

/* What stands around the text of a signature at the end of a value. */
#define BEFORE STR(",\"sig\":\"")
#define BEHIND STR("\"}")

/* Takes a signed value apart. False where it does not end with a signature in its form. */
static bool split(struct str value, struct str *ret_signed, struct str *ret_text)
{
    size_t tail = BEFORE.size + SIGN_TEXT_SIZE + BEHIND.size;
    if (value.size <= tail) {
        return false;
    }
    struct str end = {value.data + value.size - tail, tail};
    struct str behind = {value.data + value.size - BEHIND.size, BEHIND.size};
    *ret_signed = (struct str){value.data, value.size - tail};
    *ret_text = (struct str){end.data + BEFORE.size, SIGN_TEXT_SIZE};
    return str_starts(end, BEFORE) && str_eq(behind, BEHIND);
}

/* With the key: a record that was signed for one key is none at another, below another prefix either. */
static void add_message(struct buf *out, struct str key, struct str part)
{
    buf_str(out, STR("outrider record 1\n"));
    buf_str(out, key);
    buf_str(out, STR("\n"));
    buf_str(out, part);
}

static void sign(const struct sign_key *signer, struct str key, struct str part,
                 char out[static SIGN_TEXT_SIZE + 1])
{
    struct buf message = {0};
    add_message(&message, key, part);
    sign_message(signer, buf_view(&message), out);
    buf_fini(&message);
}

size_t record_signature_size(void)
{
    return BEFORE.size + SIGN_TEXT_SIZE + BEHIND.size - 1; /* the bracket was there */
}

void record_sign(const struct sign_key *signer, struct str key, struct buf *json)
{
    char text[SIGN_TEXT_SIZE + 1];
    sign(signer, key, (struct str){json->data, json->size - 1}, text);
    json->size--; /* the bracket */
    buf_str(json, BEFORE);
    buf_add(json, text, SIGN_TEXT_SIZE);
    buf_str(json, BEHIND);
}

bool record_is_signed(const struct sign_key *signer, struct str key, struct str value)
{
    struct str part, text;
    char right[SIGN_TEXT_SIZE + 1];
    if (!split(value, &part, &text)) {
        return false;
    }
    sign(signer, key, part, right);
    return str_eq(text, str_of(right));
}

/* ---- checking ---- */

static enum sign_verdict verify(const struct sign_trust *trust, struct str key, struct str value)
{
    struct str part, text;
    struct buf message = {0};
    if (!split(value, &part, &text)) {
        return SIGN_WRONG;
    }
    add_message(&message, key, part);
    enum sign_verdict verdict = sign_verify(trust, buf_view(&message), text);
    buf_fini(&message);
    return verdict;
}

/* Whether the view has judged the same bytes at the same key before: a listing mostly brings what is known. */
static bool is_known(const struct view *known, struct view_entry *entry)
{
    const struct view_entry *held =
        known == NULL ? NULL : view_find(known, view_entry_type(entry), view_entry_id(entry));
    if (held == NULL || held->signature == VIEW_SIGNATURE_UNCHECKED || !blob_eq(held->json, entry->json)) {
        return false;
    }
    entry->signature = held->signature;
    return true;
}

static enum sign_verdict judge(const struct record_check *check, const struct record_scan *record,
                               struct view_item *item)
{
    struct view_entry *entry = item->entry;
    enum sign_verdict verdict = SIGN_WRONG;
    if (record->sig.data == NULL) {
        entry->signature = VIEW_SIGNATURE_NONE;
    } else if (!is_known(check->known, entry)) {
        verdict = verify(check->trust, view_entry_key(entry), blob_view(entry->json));
        entry->signature = verdict == SIGN_GOOD ? VIEW_SIGNATURE_GOOD : VIEW_SIGNATURE_BAD;
    }
    item->signed_wall = entry->signature == VIEW_SIGNATURE_GOOD ? record->details.updated_wall : 0;
    return verdict;
}

int record_check_scanned(const struct record_check *check, const struct record_scan *record,
                         struct view_item *item, struct error *err)
{
    if (check == NULL || check->trust == NULL) {
        return 0;
    }
    enum sign_verdict verdict = judge(check, record, item);
    if (!check->require || item->entry->signature == VIEW_SIGNATURE_GOOD) {
        return 0;
    }
    bool none = item->entry->signature == VIEW_SIGNATURE_NONE;
    item->skip = none ? VIEW_SKIP_UNSIGNED : VIEW_SKIP_BAD_SIG;
    return error_set(err, ERROR_DENIED, "%s",
                     none                          ? "not signed, and view.require_signed is set"
                     : verdict == SIGN_UNKNOWN_KEY ? "sig: of a key that is not among view.sign_keys"
                                                   : "sig: not the signature of this record");
}

int record_check(const struct record_check *check, struct view_item *item, struct error *err)
{
    struct record_scan record = {0};
    int result = 0;
    if (check != NULL && check->trust != NULL) {
        if (record_scan(&record, blob_view(item->entry->json), NULL) < 0) {
            record.sig = (struct str){NULL, 0};
        }
        result = record_check_scanned(check, &record, item, err);
        json_scan_fini(&record.scan);
    }
    return result;
}

void record_write_served(const struct view_entry *entry, struct buf *out)
{
    static const char *const marks[] = {
        [VIEW_SIGNATURE_NONE] = "null", [VIEW_SIGNATURE_GOOD] = "true", [VIEW_SIGNATURE_BAD] = "false"};
    struct str json = blob_view(entry->json);
    if (entry->signature == VIEW_SIGNATURE_UNCHECKED) {
        buf_str(out, json);
        return;
    }
    json = str_trim(json); /* it ends with the bracket of the record then */
    buf_add(out, json.data, json.size - 1);
    buf_printf(out, ",\"signed\":%s}", marks[entry->signature]);
}

struct blob *record_served(const struct view_entry *entry)
{
    if (entry->signature == VIEW_SIGNATURE_UNCHECKED) {
        return blob_ref(entry->json);
    }
    struct buf served = {0};
    record_write_served(entry, &served);
    return blob_take(&served);
}
