#include "outrider/codec/redis/redis_log.h"

#include "outrider/codec/redis/redis_reply.h"

/* A whole number of 0 to `max`. */
static int read_number(struct str text, int64_t *ret_number)
{
    uint64_t number = 0;
    if (str_to_u64(text, (uint64_t)REGISTRY_REVISION_MAX, &number) < 0) {
        return -1;
    }
    *ret_number = (int64_t)number;
    return 0;
}

/* "0" is none. */
static int read_lease(struct str text, struct registry_lease *ret_lease)
{
    *ret_lease = (struct registry_lease){0};
    return str_eq(text, STR("0")) ? 0 : registry_lease_parse(text, ret_lease);
}

int redis_log_head_read(const struct redis_reply *reply, struct redis_log_head *ret_head)
{
    if (reply->type != REDIS_IS_ARRAY || reply->count < REDIS_LOG_HEAD ||
        str_to_u64(redis_text(&reply->items[0]), UINT64_MAX, &ret_head->cluster) < 0 ||
        str_to_u64(redis_text(&reply->items[1]), UINT64_MAX, &ret_head->epoch) < 0 ||
        read_number(redis_text(&reply->items[2]), &ret_head->revision) < 0) {
        return -1;
    }
    return ret_head->cluster != 0 && ret_head->epoch != 0 && ret_head->revision != 0 ? 0 : -1;
}

int redis_log_packed_read(struct str packed, struct registry_kv *ret_kv)
{
    struct registry_kv kv = {.found = true};
    struct str line = str_split(packed, '\n', &kv.value);
    if (packed.size == 0) {
        *ret_kv = (struct registry_kv){0};
        return 0;
    }
    struct str mod = str_split(line, ' ', &line);
    struct str create = str_split(line, ' ', &line);
    if (mod.size + create.size + line.size + 2 >= packed.size || /* there is no end of the line */
        read_number(mod, &kv.mod_revision) < 0 || read_number(create, &kv.create_revision) < 0 ||
        read_lease(line, &kv.lease) < 0 || kv.create_revision == 0 || kv.mod_revision < kv.create_revision) {
        return -1;
    }
    *ret_kv = kv;
    return 0;
}

/* The texts of a change, as the stream and a message have them. */
struct words {
    struct str id, kind, key, previous, create, lease, value;
};

static int read_id(struct str id, int64_t *ret_revision)
{
    int64_t part = 0;
    struct str rest, revision = str_split(id, '-', &rest);
    if (read_number(revision, ret_revision) < 0 || *ret_revision == 0) {
        return -1;
    }
    return read_number(rest, &part);
}

static int read_change(const struct words *words, struct redis_log_entry *ret_entry)
{
    struct redis_log_entry entry = {.kind = REDIS_LOG_CHANGE};
    struct registry_change *change = &entry.change;
    struct str kind = words->kind;
    entry.more = kind.size == 2 && kind.data[1] == '+';
    if ((kind.size != 1 && !entry.more) || (kind.data[0] != 'p' && kind.data[0] != 'd') ||
        words->key.size == 0 || read_id(words->id, &entry.revision) < 0 ||
        read_number(words->previous, &entry.previous) < 0 ||
        read_number(words->create, &change->create_revision) < 0 ||
        read_lease(words->lease, &change->lease) < 0) {
        return -1;
    }
    change->deleted = kind.data[0] == 'd';
    change->key = words->key;
    change->value = words->value;
    change->mod_revision = entry.revision;
    if (change->deleted != (change->create_revision == 0) || change->create_revision > entry.revision ||
        entry.previous >= entry.revision || (change->deleted && change->value.size > 0)) {
        return -1;
    }
    *ret_entry = entry;
    return 0;
}

int redis_log_entry_read(const struct redis_reply *entry, struct redis_log_entry *ret_entry)
{
    static const char names[] = "okpclv";
    const struct redis_reply *fields = redis_item(entry, 1);
    struct words words = {.id = redis_text(redis_item(entry, 0))};
    struct str *const values[] = {&words.kind,   &words.key,   &words.previous,
                                  &words.create, &words.lease, &words.value};
    struct str kind = redis_text(redis_item(fields, 1));
    if (fields->count == 2 && str_eq(redis_text(&fields->items[0]), STR("o")) && str_eq(kind, STR("e"))) {
        *ret_entry = (struct redis_log_entry){.kind = REDIS_LOG_EPOCH};
        return read_id(words.id, &ret_entry->revision);
    }
    if (fields->count != 2 * COUNT_OF(values)) {
        return -1;
    }
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (!str_eq(redis_text(&fields->items[2 * i]), (struct str){names + i, 1}) ||
            fields->items[2 * i + 1].type != REDIS_IS_STRING) {
            return -1;
        }
        *values[i] = fields->items[2 * i + 1].text;
    }
    return read_change(&words, ret_entry);
}

int redis_log_message_read(struct str key, struct str text, struct redis_log_entry *ret_entry)
{
    struct words words = {.key = key};
    struct str line = str_split(text, '\n', &words.value);
    if (str_eq(text, STR("e"))) {
        *ret_entry = (struct redis_log_entry){.kind = REDIS_LOG_EPOCH};
        return 0;
    }
    if (line.size == text.size) {
        return -1; /* it has no second line, which even an empty value has */
    }
    words.id = str_split(line, ' ', &line);
    words.kind = str_split(line, ' ', &line);
    words.previous = str_split(line, ' ', &line);
    words.create = str_split(line, ' ', &line);
    words.lease = line;
    return read_change(&words, ret_entry);
}
