#include "outrider/io/http/http_coding.h"

#include "outrider/io/http/http_parse.h"

/* Of "0", "0.5", "1.000" (RFC 9110, 12.4.2) the thousandths; -1: it is none. */
static int read_weight(struct str text)
{
    int weight = 0;
    if (text.size == 0 || text.size > 5 || (text.size > 1 && text.data[1] != '.')) {
        return -1;
    }
    for (size_t i = 0, place = HTTP_CODING_WEIGHT_MAX; i < text.size; i += i == 0 ? 2 : 1, place /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        weight += (text.data[i] - '0') * (int)place;
    }
    return weight <= HTTP_CODING_WEIGHT_MAX ? weight : -1;
}

/* The weight among the parameters of an element; -1: it is malformed. The grammar has no other parameters; they are passed over. */
static int find_weight(struct str parameters)
{
    int weight = HTTP_CODING_WEIGHT_MAX;
    while (parameters.size > 0) {
        struct str value;
        struct str name = str_split(str_split(parameters, ';', &parameters), '=', &value);
        if (str_eq_nocase(str_trim(name), STR("q"))) {
            int read = read_weight(str_trim(value));
            if (read < weight) {
                weight = read;
            }
        }
    }
    return weight;
}

/* What an element of that name is about; NULL: another coding. */
static int *find(struct http_codings *codings, struct str name)
{
    if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip"))) {
        return &codings->gzip;
    }
    if (str_eq_nocase(name, STR("identity"))) {
        return &codings->identity;
    }
    return str_eq(name, STR("*")) ? &codings->any : NULL;
}

void http_codings_add(struct http_codings *codings, struct str value)
{
    while (value.size > 0) {
        struct str parameters;
        struct str name = str_split(str_split(value, ',', &value), ';', &parameters);
        int *coding = find(codings, str_trim(name));
        int weight = coding == NULL ? -1 : find_weight(parameters);
        if (weight >= 0 && (*coding == HTTP_CODING_UNNAMED || weight < *coding)) {
            *coding = weight;
        }
    }
}

bool http_codings_gzip(const struct http_codings *codings)
{
    int gzip = codings->gzip == HTTP_CODING_UNNAMED ? codings->any : codings->gzip;
    int identity = codings->identity == HTTP_CODING_UNNAMED ? codings->any : codings->identity;
    return gzip > 0 && gzip >= identity;
}

bool http_wants_gzip(const struct http_head *head)
{
    struct http_codings codings = HTTP_CODINGS_NONE;
    for (size_t i = 0; i < head->header_count; i++) {
        if (str_eq_nocase(head->headers[i].name, STR("Accept-Encoding"))) {
            http_codings_add(&codings, head->headers[i].value);
        }
    }
    return http_codings_gzip(&codings);
}
