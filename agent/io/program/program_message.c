#include "outrider/io/program/program_message.h"

#include "outrider/base/buf.h"

#include <string.h>

/* The fixed parts, as the machine has them: both ends are of one build. */
struct request_head {
    uint64_t id;
    int64_t timeout_ms;
    uint32_t op, word_count, variable_count;
};

struct result_head {
    uint64_t id;
    int64_t duration_us;
    int32_t end, code;
};

static void add_text(struct buf *out, const char *text)
{
    buf_add(out, text, strlen(text) + 1);
}

void program_request_encode(const struct program_request *request, struct buf *out)
{
    struct request_head head;
    memset(&head, 0, sizeof(head)); /* and what is between the members */
    head.id = request->id;
    head.timeout_ms = request->timeout_ms;
    head.op = (uint32_t)request->op;
    head.word_count = (uint32_t)request->word_count;
    head.variable_count = (uint32_t)request->variable_count;
    buf_add(out, &head, sizeof(head));
    if (request->op == PROGRAM_CANCEL) {
        return;
    }
    add_text(out, request->user);
    for (size_t i = 0; i < request->word_count; i++) {
        add_text(out, request->words[i]);
    }
    for (size_t i = 0; i < request->variable_count; i++) {
        add_text(out, request->variables[i]);
    }
}

static int take_text(struct str *rest, const char **ret_text)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\0', rest->size);
    if (end == NULL) {
        return -1;
    }
    *ret_text = rest->data;
    *rest = (struct str){end + 1, rest->size - (size_t)(end + 1 - rest->data)};
    return 0;
}

static int take_texts(struct str *rest, const char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (take_text(rest, &texts[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

int program_request_decode(struct str bytes, struct program_request *ret_request)
{
    struct request_head head;
    if (bytes.size < sizeof(head) || bytes.size > PROGRAM_REQUEST_MAX) {
        return -1;
    }
    memcpy(&head, bytes.data, sizeof(head));
    struct str rest = {bytes.data + sizeof(head), bytes.size - sizeof(head)};
    struct program_request request = {.id = head.id, .op = PROGRAM_CANCEL};
    if (head.op == PROGRAM_RUN) {
        bool fits = head.word_count >= 1 && head.word_count <= PROGRAM_WORDS_MAX &&
                    head.variable_count <= PROGRAM_VARIABLES_MAX && head.timeout_ms >= 1 &&
                    head.timeout_ms <= PROGRAM_TIMEOUT_MAX_MS;
        request.op = PROGRAM_RUN;
        request.timeout_ms = head.timeout_ms;
        request.word_count = head.word_count;
        request.variable_count = head.variable_count;
        if (!fits || take_text(&rest, &request.user) < 0 ||
            take_texts(&rest, request.words, request.word_count) < 0 ||
            take_texts(&rest, request.variables, request.variable_count) < 0) {
            return -1;
        }
    } else if (head.op != PROGRAM_CANCEL) {
        return -1;
    }
    if (rest.size > 0) {
        return -1;
    }
    *ret_request = request;
    return 0;
}

void program_result_encode(const struct program_result *result, struct buf *out)
{
    struct result_head head;
    memset(&head, 0, sizeof(head));
    head.id = result->id;
    head.duration_us = result->duration_us;
    head.end = (int32_t)result->end;
    head.code = result->code;
    buf_add(out, &head, sizeof(head));
    buf_str(out, result->output);
}

int program_result_decode(struct str bytes, struct program_result *ret_result)
{
    struct result_head head;
    if (bytes.size < sizeof(head) || bytes.size > PROGRAM_RESULT_MAX) {
        return -1;
    }
    memcpy(&head, bytes.data, sizeof(head));
    if (head.end < PROGRAM_EXITED || head.end > PROGRAM_NOT_STARTED || head.duration_us < 0) {
        return -1;
    }
    *ret_result = (struct program_result){.id = head.id,
                                          .end = (enum program_end)head.end,
                                          .code = head.code,
                                          .duration_us = head.duration_us,
                                          .output = {bytes.data + sizeof(head), bytes.size - sizeof(head)}};
    return 0;
}
