/* The shapes of text values. */
#include "settings_internal.h"

#include "outrider/base/error.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"

#include <stdio.h>

enum {
    TEXT_MAX = 128,
    TITLE_MAX = 64,
    PREFIX_MAX = 256,
    NAMESPACE_MAX = 64,
    LABEL_VALUE_MAX = 256,
    PATH_MAX_BYTES = 4095
};
enum { QUOTED_MAX = 64 };

int settings_wrong(struct error *err, struct str text, const char *what)
{
    char quoted[QUOTED_MAX + 4];
    size_t size = text.size < QUOTED_MAX ? text.size : QUOTED_MAX;
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    bool readable = str_is_utf8(text);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        quoted[i] = c < ' ' || c == 0x7f || (!readable && c > 0x7f) ? '?' : text.data[i];
    }
    memcpy(quoted + size, size < text.size ? "..." : "", size < text.size ? 4 : 1);
    return error_set(err, ERROR_INVALID, "`%s` %s", quoted, what);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool settings_consists_of(struct str text, const char *others)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_alnum(text.data[i]) && (text.data[i] == '\0' || strchr(others, text.data[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool is_printable(struct str text)
{
    return str_is_utf8(text) && !str_has_control(text);
}

static bool contains(struct str text, char c)
{
    return text.size > 0 && memchr(text.data, c, text.size) != NULL;
}

int settings_check_text(struct str text, size_t max, struct error *err)
{
    if (text.size == 0) {
        return error_set(err, ERROR_INVALID, "is empty: give it a value or remove the key");
    }
    if (text.size > max) {
        return error_set(err, ERROR_INVALID, "is %zu bytes long: at most %zu are allowed", text.size, max);
    }
    if (!is_printable(text)) {
        return settings_wrong(err, text, "is not printable UTF-8 text on one line");
    }
    return 0;
}

int shape_type(struct str text, struct error *err)
{
    bool fits =
        text.size >= 1 && text.size <= 63 && settings_consists_of(text, "_-") && is_alnum(text.data[0]);
    for (size_t i = 0; i < text.size; i++) {
        fits = fits && !(text.data[i] >= 'A' && text.data[i] <= 'Z');
    }
    return fits ? 0
                : settings_wrong(
                      err, text,
                      "is not a server type: a-z, 0-9, _ and -, the first a letter or digit, at most 63");
}

int shape_id(struct str text, struct error *err)
{
    if (settings_check_text(text, TEXT_MAX, err) < 0) {
        return -1;
    }
    if (contains(text, '/') || contains(text, ' ')) {
        return settings_wrong(err, text, "cannot be an id: `/` and blanks are not allowed in a key");
    }
    if (str_eq(text, STR(".")) || str_eq(text, STR(".."))) {
        return settings_wrong(err, text, "cannot be an id: it would not survive in a URL");
    }
    return 0;
}

/* An address or a name; an interface is written like a name. */
static bool is_host(struct str text)
{
    return address_is_ipv4(text) || address_is_ipv6(text) || address_is_name(text);
}

int shape_host(struct str text, struct error *err)
{
    if (str_eq(text, STR("0.0.0.0")) || str_eq(text, STR("::"))) {
        return settings_wrong(err, text,
                              "means every address of this machine: publish one that others can reach");
    }
    return is_host(text) ? 0
                         : settings_wrong(err, text,
                                          "is not a host: want auto, an address (IPv6 without brackets), a "
                                          "name or an interface");
}

int shape_probe_host(struct str text, struct error *err)
{
    return is_host(text) ? 0
                         : settings_wrong(
                               err, text,
                               "is not a host: want localhost, an address (IPv6 without brackets) or a name");
}

int shape_text(struct str text, struct error *err)
{
    return settings_check_text(text, TEXT_MAX, err);
}

/* In characters, as a person counts them: in Korean they have three bytes each. */
int shape_title(struct str text, struct error *err)
{
    if (settings_check_text(text, TEXT_MAX * 2, err) < 0) {
        return -1;
    }
    size_t count = 0;
    for (struct str rest = text; rest.size > 0; count++) {
        struct str one = {rest.data, str_utf8_character(rest)};
        if (str_is_control(one)) {
            return settings_wrong(err, text, "has a character that turns the text around it");
        }
        rest = (struct str){rest.data + one.size, rest.size - one.size};
    }
    return count <= TITLE_MAX ? 0
                              : error_set(err, ERROR_INVALID, "has %zu characters: at most %d are allowed",
                                          count, TITLE_MAX);
}

int shape_colour(struct str text, struct error *err)
{
    static const struct str colours[] = {STR_INIT("red"),  STR_INIT("orange"), STR_INIT("green"),
                                         STR_INIT("blue"), STR_INIT("violet"), STR_INIT("grey")};
    for (size_t i = 0; i < COUNT_OF(colours); i++) {
        if (str_eq(text, colours[i])) {
            return 0;
        }
    }
    return settings_wrong(err, text, "is not one of: red, orange, green, blue, violet, grey");
}

int shape_tag(struct str text, struct error *err)
{
    if (settings_check_text(text, TEXT_MAX, err) < 0) {
        return -1;
    }
    return contains(text, ',') ? settings_wrong(err, text, "has a comma, which separates tags") : 0;
}

int shape_command(struct str text, struct error *err)
{
    struct str name = text;
    bool open = name.size > 0 && name.data[name.size - 1] == '*';
    name.size -= open ? 1 : 0;
    bool fits = name.size <= 64 && (open || name.size > 0);
    for (size_t i = 0; i < name.size && fits; i++) {
        fits = name.data[i] < 'A' || name.data[i] > 'Z';
    }
    fits = fits && (name.size == 0 || settings_consists_of(name, "_.-"));
    return fits ? 0
                : settings_wrong(err, text,
                                 "is not the name of a command: a-z, 0-9, _, . and -, at most 64, or "
                                 "the beginning of one and `*`");
}

int shape_name(struct str text, struct error *err)
{
    bool fits = text.size >= 1 && text.size <= 63 && settings_consists_of(text, "_.-");
    return fits ? 0 : settings_wrong(err, text, "is not a name: A-Z, a-z, 0-9, _, . and -, at most 63");
}

int shape_scope(struct str text, struct error *err)
{
    bool fits =
        text.size >= 1 && text.size <= 63 && settings_consists_of(text, "_.-") && is_alnum(text.data[0]);
    for (size_t i = 0; i < text.size; i++) {
        fits = fits && !(text.data[i] >= 'A' && text.data[i] <= 'Z');
    }
    return fits ? 0
                : settings_wrong(
                      err, text,
                      "is not a scope: a-z, 0-9, _, . and -, the first a letter or digit, at most 63");
}

int shape_label_value(struct str text, struct error *err)
{
    return settings_check_text(text, LABEL_VALUE_MAX, err);
}

static int check_endpoint(struct str text, const char *const schemes[], const char *credentials,
                          const char *want, struct error *err)
{
    struct str host, authority = {0};
    uint16_t port;
    /* The part before the @ may be a password, so it is not shown. */
    if (contains(text, '@')) {
        return error_set(err, ERROR_INVALID, "an endpoint cannot hold a user or password: %s", credentials);
    }
    for (size_t i = 0; schemes[i] != NULL; i++) {
        if (str_starts(text, str_of(schemes[i]))) {
            authority = (struct str){text.data + strlen(schemes[i]), text.size - strlen(schemes[i])};
        }
    }
    char problem[160];
    if (authority.data == NULL) {
        snprintf(problem, sizeof(problem), "has no scheme: want %s", want);
    } else if (contains(authority, '/') || contains(authority, '?') || contains(authority, '#')) {
        snprintf(problem, sizeof(problem), "has a path: want %sHOST:PORT and nothing after it", schemes[0]);
    } else if (address_split(authority, &host, &port) < 0) {
        snprintf(problem, sizeof(problem),
                 "is not %sHOST:PORT or %s[V6]:PORT with a port from 1 to 65535 and nothing after it",
                 schemes[0], schemes[0]);
    } else {
        return 0;
    }
    return settings_wrong(err, text, problem);
}

int shape_endpoint(struct str text, struct error *err)
{
    static const char *const schemes[] = {"http://", "https://", CONFIG_REDIS_PLAIN, CONFIG_REDIS_SECURE,
                                          NULL};
    return check_endpoint(
        text, schemes, "want http://HOST:PORT, registry.username and registry.password_file",
        "http://HOST:PORT or https://HOST:PORT; redis:// or rediss:// with backend redis", err);
}

int shape_redis_endpoint(struct str text, struct error *err)
{
    static const char *const schemes[] = {CONFIG_REDIS_PLAIN, CONFIG_REDIS_SECURE, NULL};
    return check_endpoint(text, schemes, "want redis://HOST:PORT, username and password_file",
                          "redis://HOST:PORT or rediss://HOST:PORT", err);
}

/* A key is NAMESPACE:..., and what is in braces decides in a cluster which server has it. */
int shape_namespace(struct str text, struct error *err)
{
    if (text.size == 0 || text.size > NAMESPACE_MAX || !is_printable(text) || contains(text, ' ') ||
        contains(text, '{') || contains(text, '}')) {
        return settings_wrong(err, text,
                              "is not a namespace: printable, without blanks and braces, at most 64 bytes");
    }
    return 0;
}

int shape_prefix(struct str text, struct error *err)
{
    if (text.size < 2 || text.data[0] != '/' || text.data[text.size - 1] == '/') {
        return settings_wrong(err, text,
                              "is not a prefix: it begins with `/` and ends without one, as /services does");
    }
    if (text.size > PREFIX_MAX || !is_printable(text) || contains(text, ' ')) {
        return settings_wrong(err, text, "is not a prefix: printable, without blanks, at most 256 bytes");
    }
    if (memmem(text.data, text.size, "//", 2) != NULL) {
        return settings_wrong(err, text, "is not a prefix: a part between two `/` is empty");
    }
    return 0;
}

static int check_path(struct str text, size_t max, struct error *err)
{
    if (settings_check_text(text, max, err) < 0) {
        return -1;
    }
    return text.data[0] == '/' ? 0 : settings_wrong(err, text, "is not an absolute path: begin with `/`");
}

static int check_file_path(struct str text, size_t max, struct error *err)
{
    if (check_path(text, max, err) < 0) {
        return -1;
    }
    return text.data[text.size - 1] == '/' ? settings_wrong(err, text, "is a directory: it ends with `/`")
                                           : 0;
}

int shape_file(struct str text, struct error *err)
{
    return check_file_path(text, PATH_MAX_BYTES, err);
}

int shape_directory(struct str text, struct error *err)
{
    return check_path(text, PATH_MAX_BYTES, err);
}

int shape_socket(struct str text, struct error *err)
{
    return check_file_path(text, SETTINGS_SOCKET_PATH_MAX, err);
}

bool settings_is_account(struct str text)
{
    return text.size >= 1 && text.size <= 32 && settings_consists_of(text, "_.-") && text.data[0] != '-';
}

int shape_group(struct str text, struct error *err)
{
    return settings_is_account(text) ? 0 : settings_wrong(err, text, "is not the name or number of a group");
}

int shape_host_name(struct str text, struct error *err)
{
    return address_is_name(text)
               ? 0
               : settings_wrong(err, text,
                                "is not the name of a host: want one without a port, such as "
                                "observer.example; addresses need not be listed");
}

int shape_dns_listen(struct str text, struct error *err)
{
    struct str host;
    uint16_t port;
    bool fits = address_split(text, &host, &port) == 0 &&
                (address_is_ipv4(host) || address_is_ipv6(host) || str_eq(host, STR("localhost")));
    return fits ? 0
                : settings_wrong(
                      err, text,
                      "is no address with a port: want 127.0.0.1:8600, [::1]:8600 or localhost:8600");
}

/* Names of servers come before it: 255 bytes for all. */
enum { DOMAIN_MAX = 100 };

int shape_domain(struct str text, struct error *err)
{
    struct str name = text;
    if (name.size > 0 && name.data[name.size - 1] == '.') {
        name.size--;
    }
    return address_is_name(name) && name.size <= DOMAIN_MAX
               ? 0
               : settings_wrong(err, text, "is no domain: want a name such as outrider. or game.example.");
}

int shape_listen(struct str text, struct error *err)
{
    struct str host;
    uint16_t port;
    if (str_starts(text, STR("unix:"))) {
        return shape_socket((struct str){text.data + 5, text.size - 5}, err);
    }
    struct str place = text;
    if (str_starts(text, STR("tls://"))) {
        place = (struct str){text.data + 6, text.size - 6};
    }
    if (address_split(place, &host, &port) == 0) {
        bool address = address_is_ipv4(host) || address_is_ipv6(host) || str_eq(host, STR("localhost"));
        return address
                   ? 0
                   : settings_wrong(err, text, "names a host: want an address of this machine, or localhost");
    }
    return settings_wrong(
        err, text, "is not HOST:PORT, [V6]:PORT, tls://HOST:PORT or unix:/PATH, with a port from 1 to 65535");
}

int shape_public_url(struct str text, struct error *err)
{
    struct str host;
    uint16_t port;
    size_t scheme = str_starts(text, STR("https://")) ? 8 : str_starts(text, STR("http://")) ? 7 : 0;
    struct str authority = {text.data + scheme, text.size - scheme};
    bool fits = scheme > 0 && (address_split(authority, &host, &port) == 0 || address_is_name(authority) ||
                               address_is_ipv4(authority));
    return fits ? 0
                : settings_wrong(err, text, "is not https://HOST or https://HOST:PORT with nothing after it");
}
