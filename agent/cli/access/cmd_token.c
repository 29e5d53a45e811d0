/* outrider token add: makes a token for a name of the access file. */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/codec/access/access_file.h"
#include "outrider/os/entropy.h"
#include "outrider/os/secret.h"

#include <stdio.h>

enum { TOKEN_BYTES = 32 };

static void make_token(struct buf *out)
{
    unsigned char bytes[TOKEN_BYTES];
    entropy_fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
}

/* Writes no file: the line can go to a configuration management, and the token only to the one who gets it. */
int cmd_token(const struct cli_line *line)
{
    const char *name = line->words.words[0], *word = line->words.words[1];
    struct buf token = {0}, entry = {0};
    enum access_role role;
    struct error err;
    if (access_name_check(str_of(name), &err) < 0) {
        return cli_usage(line->command, "%s", err.text);
    }
    if (access_role_of(str_of(word), &role) < 0) {
        return cli_usage(line->command, "the role is viewer, service, operator or admin: `%s`", word);
    }
    make_token(&token);
    access_file_line(str_of(name), role, buf_view(&token), &entry);
    printf("token, shown once: %s\nline for http.access_file: %s\n", buf_text(&token), buf_text(&entry));
    secret_fini(&token);
    buf_fini(&entry);
    return EX_DONE;
}
