#include "outrider/codec/websocket/socket_message.h"

#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/websocket/websocket.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What the messages of a type may have, beside `type` and `id`. */
enum takes { FILTER = 1, SERVER = 2, KEY = 4, BODY = 8 };

static const struct kind {
    const char *type;
    unsigned takes;
    const char *path; /* behind that of the server; of a stream all of it */
} kinds[] = {
    [SOCKET_SUBSCRIBE] = {"subscribe", FILTER, "/api/subscribe"},
    [SOCKET_UNSUBSCRIBE] = {"unsubscribe", 0, ""},
    [SOCKET_DRAIN] = {"drain", SERVER | BODY, "/drain"},
    [SOCKET_UNDRAIN] = {"undrain", SERVER | BODY, "/undrain"},
    [SOCKET_COMMAND] = {"command", SERVER | KEY | BODY, "/commands"},
};

/* All but what RFC 3986 calls unreserved, so that a name with a slash stays one segment. */
static void add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' ||
                     c == '_' || c == '~';
        buf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

static struct str view(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* ---- a subscription ---- */

static int add_parameter(struct buf *query, struct str name, const json_t *value, struct error *err)
{
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "filter: %.*s: must be a string, or an array of strings",
                         name.size < 64 ? (int)name.size : 64, name.data);
    }
    buf_str(query, query->size > 0 ? STR("&") : STR(""));
    add_escaped(query, name);
    buf_str(query, STR("="));
    add_escaped(query, view(value));
    return 0;
}

static int add_member(struct buf *query, const char *name, const json_t *value, size_t *count,
                      struct error *err)
{
    size_t each = json_is_array(value) ? json_array_size(value) : 1;
    *count += each;
    if (*count > SOCKET_PARAMETERS_MAX) {
        return error_set(err, ERROR_LIMIT, "filter: more than %d parameters", SOCKET_PARAMETERS_MAX);
    }
    for (size_t i = 0; i < each; i++) {
        if (add_parameter(query, str_of(name), json_is_array(value) ? json_array_get(value, i) : value, err) <
            0) {
            return -1;
        }
    }
    return 0;
}

static int take_filter(struct socket_message *message, json_t *object, struct error *err)
{
    const char *name;
    json_t *value;
    size_t count = 0;
    if (!json_is_object(object)) {
        return error_set(err, ERROR_INVALID,
                         "filter: must be an object with the parameters of /api/services");
    }
    json_object_foreach(object, name, value)
    {
        if (strcmp(name, "after") == 0 || strcmp(name, "lastEventId") == 0) {
            return error_set(err, ERROR_INVALID, "filter: `after` stands beside it");
        }
        if (add_member(&message->query, name, value, &count, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- a server ---- */

static int take_server(struct socket_message *message, const json_t *value, struct error *err)
{
    struct str id;
    struct str type = json_is_string(value) ? str_split(view(value), '/', &id) : STR("");
    if (type.size == 0 || id.size == 0) {
        return error_set(err, ERROR_INVALID, "server: want TYPE/ID");
    }
    buf_str(&message->path, STR("/api/services/"));
    add_escaped(&message->path, type);
    buf_str(&message->path, STR("/"));
    add_escaped(&message->path, id);
    return 0;
}

/* ---- a message ---- */

static const struct kind *find_kind(const json_t *type)
{
    for (size_t i = 0; json_is_string(type) && i < COUNT_OF(kinds); i++) {
        if (str_eq(view(type), str_of(kinds[i].type))) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Takes the member `name`, one line, out of the object. */
static int take_line(json_t *object, const char *name, char ret_text[static SOCKET_ID_MAX + 1],
                     struct error *err)
{
    const json_t *value = json_object_get(object, name);
    int rc = value == NULL ? 0 : json_read_line(value, name, SOCKET_ID_MAX, err, ret_text);
    json_object_del(object, name);
    return rc;
}

static int take_where(struct socket_message *message, json_t *object, const struct kind *kind,
                      struct error *err)
{
    json_t *filter = json_object_get(object, "filter"), *after = json_object_get(object, "after");
    int rc = 0;
    if ((kind->takes & SERVER) != 0) {
        rc = take_server(message, json_object_get(object, "server"), err);
        json_object_del(object, "server");
    }
    if (rc == 0 && (kind->takes & FILTER) != 0) {
        rc = filter == NULL ? 0 : take_filter(message, filter, err);
        rc = rc < 0 || after == NULL ? rc : add_parameter(&message->query, STR("after"), after, err);
        json_object_del(object, "filter");
        json_object_del(object, "after");
    }
    if (rc == 0 && (kind->takes & KEY) != 0) {
        rc = take_line(object, "idempotencyKey", message->key, err);
    }
    return rc;
}

/* What is left of a message with a body is that. */
static int take_rest(struct socket_message *message, json_t *object, const struct kind *kind,
                     struct error *err)
{
    if ((kind->takes & BODY) == 0) {
        const char *name = json_object_iter_key(json_object_iter(object));
        return name == NULL ? 0
                            : error_set(err, ERROR_INVALID, "%s takes no member `%.64s`", kind->type, name);
    }
    char *body = json_dumps(object, JSON_COMPACT);
    buf_str(&message->body, str_of(body == NULL ? "{}" : body));
    free(body);
    return 0;
}

static int read_object(struct socket_message *message, json_t *object, struct error *err)
{
    if (take_line(object, "id", message->id, err) < 0) {
        return -1;
    }
    const struct kind *kind = find_kind(json_object_get(object, "type"));
    if (kind == NULL) {
        return error_set(err, ERROR_INVALID, "type: want subscribe, unsubscribe, drain, undrain or command");
    }
    message->action = (enum socket_action)(kind - kinds);
    json_object_del(object, "type");
    if (take_where(message, object, kind, err) < 0) {
        return -1;
    }
    buf_str(&message->path, str_of(kind->path));
    return take_rest(message, object, kind, err);
}

int socket_message_read(struct str text, struct socket_message *ret_message, struct error *err)
{
    *ret_message = (struct socket_message){0};
    json_t *object = json_read_document(text, WEBSOCKET_MESSAGE_MAX, err);
    int rc = object == NULL ? -1 : read_object(ret_message, object, err);
    json_decref(object);
    return rc;
}

void socket_message_fini(struct socket_message *message)
{
    buf_fini(&message->path);
    buf_fini(&message->query);
    buf_fini(&message->body);
}

/* ---- what a peer is told ---- */

void socket_message_result(struct buf *out, struct str id, int status, struct str body)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "type", "result");
    json_member_string_or_null(&json, "id", id);
    json_member_int(&json, "status", status);
    json_write_key(&json, "body");
    json_write_raw(&json, body.size > 0 ? body : STR("null"));
    json_write_object_end(&json);
}

void socket_message_event_head(struct buf *out, struct str name, struct str id)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "type", "event");
    json_member_string(&json, "event", name);
    json_member_string_or_null(&json, "id", id);
    json_write_key(&json, "data");
}
