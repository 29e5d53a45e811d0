/* HELLO 2 logs in and tells what the server is; where it does not know the word, AUTH does the first alone. */
#include "redis_connection_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/secret.h"

#include <stdio.h>

/* Of a login's commands, beside user and password. */
enum { WORDS_SIZE = 256 };

/* With the password of the file, which nothing keeps. */
static int add_login(struct redis_connection *connection, bool hello, struct error *err)
{
    const struct redis_options *options = &connection->shared->options;
    struct str user = options->username == NULL ? STR("default") : str_of(options->username);
    struct buf password = {0};
    if (options->password_file == NULL || connection->without_password) {
        redis_command_add(&connection->out, (const struct str[]){STR("HELLO"), STR("2")}, 2);
        return 0;
    }
    if (secret_read(options->password_file, SECRET_PASSWORD_MAX, err, &password) < 0) {
        return error_wrap(err, "password_file");
    }
    struct buf *out = &connection->out;
    size_t size = out->size;
    (void)buf_extend(out,
                     WORDS_SIZE + user.size + password.size); /* a buffer that grows leaves copies behind */
    out->size = size;
    struct str secret = buf_view(&password);
    if (hello) {
        redis_command_add(&connection->out,
                          (const struct str[]){STR("HELLO"), STR("2"), STR("AUTH"), user, secret}, 5);
    } else if (options->username != NULL) {
        redis_command_add(&connection->out, (const struct str[]){STR("AUTH"), user, secret}, 3);
    } else {
        redis_command_add(&connection->out, (const struct str[]){STR("AUTH"), secret}, 2);
    }
    secret_fini(&password);
    return 0;
}

int redis_login_start(struct redis_connection *connection, struct error *err)
{
    connection->hello = (struct redis_hello){.mode = REDIS_AUTO};
    connection->without_password = false;
    connection->login_error = REDIS_ERROR_OTHER;
    return add_login(connection, true, err);
}

/* The reply to HELLO: names and values by turns. */
static void read_hello(struct redis_hello *hello, const struct redis_reply *reply)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct str name = redis_text(&reply->items[i]), value = redis_text(&reply->items[i + 1]);
        if (str_eq(name, STR("mode"))) {
            hello->mode = str_eq(value, STR("sentinel"))  ? REDIS_SENTINEL
                          : str_eq(value, STR("cluster")) ? REDIS_CLUSTER
                                                          : REDIS_SINGLE;
        } else if (str_eq(name, STR("role"))) {
            hello->is_replica = str_eq(value, STR("replica")) || str_eq(value, STR("slave"));
        } else if (str_eq(name, STR("version"))) {
            brief_copy(hello->version, sizeof(hello->version), value);
        }
    }
}

static int refused(struct redis_connection *connection, enum redis_error error, struct str text,
                   struct error *err)
{
    connection->login_error = error;
    if (error == REDIS_ERROR_NOAUTH) {
        return error_set(err, ERROR_DENIED, "login: the server wants a password: set password_file");
    }
    enum error_code code = error == REDIS_ERROR_DENIED ? ERROR_DENIED : ERROR_UNREACHABLE;
    return error_set(err, code, "login: %.*s", (int)brief_size(text, 200), text.data);
}

int redis_login_step(struct redis_connection *connection, const struct redis_reply *reply, struct error *err)
{
    if (reply->type == REDIS_IS_ARRAY) {
        read_hello(&connection->hello, reply);
        return 1;
    }
    if (reply->type != REDIS_IS_ERROR) {
        bool is_ok = str_eq(redis_text(reply), STR("OK"));
        return is_ok ? 1 : error_set(err, ERROR_PROTOCOL, "login: an answer that is none");
    }
    bool with_password = connection->shared->options.password_file != NULL && !connection->without_password;
    enum redis_error error = redis_error_of(reply->text);
    if (error == REDIS_ERROR_NO_PASSWORD) {
        return 1; /* it lets everybody in */
    }
    if (error == REDIS_ERROR_UNKNOWN_COMMAND && connection->hello.version[0] == '\0') {
        if (!with_password) {
            return 1;
        }
        snprintf(connection->hello.version, sizeof(connection->hello.version),
                 "before 6"); /* and not once more */
        return add_login(connection, false, err);
    }
    /* Sentinels have users of their own, mostly none. */
    if (error == REDIS_ERROR_DENIED && connection->is_sentinel && with_password) {
        connection->without_password = true;
        return add_login(connection, true, err);
    }
    return refused(connection, error, reply->text, err);
}
