/* sandbox_compile [--arch NAME] OUT.c: makes the programs of the lists in calls.c by libseccomp, when Outrider is built: the agent
 * itself neither links the library nor spends time and memory on it. NAME, as libseccomp calls it, is for looking at
 * another architecture. */
#include "calls_internal.h"
#include "sandbox_internal.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what, const char *name, int errnum)
{
    fprintf(stderr, "sandbox_compile: %s %s: %s\n", what, name, strerror(errnum));
    exit(1);
}

static void check(int rc, const char *what, const char *name)
{
    if (rc < 0) {
        die(what, name, -rc);
    }
}

/* Calls `fn` for each name of the row. */
static void each_name(const struct calls_row *row, void (*fn)(const struct calls_row *, const char *, void *),
                      void *user)
{
    char *names = strdup(row->names), *rest = names, *name;
    while ((name = strsep(&rest, " ")) != NULL) {
        fn(row, name, user);
    }
    free(names);
}

struct search {
    const char *wanted;
    bool found;
};

static void compare(const struct calls_row *row, const char *name, void *user)
{
    struct search *search = user;
    (void)row;
    search->found = search->found || strcmp(name, search->wanted) == 0;
}

struct naming {
    FILE *out;
    uint32_t arch;
};

struct making {
    scmp_filter_ctx filter;
    unsigned more;
};

static bool is_allowing(const struct calls_row *row, unsigned more)
{
    return row->rule == CALLS_USUAL || (row->rule == CALLS_EXEC && (more & SANDBOX_EXEC) != 0);
}

static bool is_allowed(const char *name, unsigned more)
{
    struct search search = {.wanted = name};
    for (size_t i = 0; i < calls_row_count; i++) {
        if (is_allowing(&calls_rows[i], more)) {
            each_name(&calls_rows[i], compare, &search);
        }
    }
    return search.found;
}

static void add(const struct calls_row *row, const char *name, void *user)
{
    const struct making *making = user;
    struct scmp_arg_cmp tests[CALLS_TESTS_MAX];
    unsigned count = 0;
    int number = seccomp_syscall_resolve_name(name);
    bool allows = is_allowing(row, making->more);
    if (number == __NR_SCMP_ERROR) {
        fprintf(stderr, "sandbox_compile: this libseccomp does not know %s, which is then on no list\n",
                name);
        return;
    }
    if (!allows && (row->rule != CALLS_HOSTILE || is_allowed(name, making->more))) {
        return;
    }
    for (size_t i = 0; i < CALLS_TESTS_MAX; i++) {
        const struct calls_test *test = &row->tests[i];
        if (test->mask != 0) {
            tests[count++] = SCMP_CMP(test->arg, SCMP_CMP_MASKED_EQ, test->mask, test->value);
        }
    }
    check(seccomp_rule_add_array(making->filter, allows ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS, number,
                                 count, tests),
          "cannot add", name);
}

/* The program for the calls of `more`, which the caller frees. */
static struct sock_filter *make(const char *arch, unsigned more, size_t *ret_count)
{
    struct making making = {.filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), .more = more};
    FILE *file = tmpfile();
    if (making.filter == NULL || file == NULL) {
        die("cannot begin", "a filter", errno);
    }
    if (arch != NULL) {
        check(seccomp_arch_remove(making.filter, SCMP_ARCH_NATIVE), "cannot leave", "this architecture");
        check(seccomp_arch_add(making.filter, seccomp_arch_resolve_name(arch)), "cannot use", arch);
    }
    check(seccomp_attr_set(making.filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "cannot refuse",
          "other architectures");
    /* A tree: before Linux 5.11 a program runs for each call. An older libseccomp makes a list. */
    (void)seccomp_attr_set(making.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < calls_row_count; i++) {
        each_name(&calls_rows[i], add, &making);
    }
    check(seccomp_export_bpf(making.filter, fileno(file)), "cannot write", "a program");
    seccomp_release(making.filter);
    off_t size = lseek(fileno(file), 0, SEEK_END);
    struct sock_filter *program = malloc((size_t)size);
    if (size <= 0 || program == NULL || pread(fileno(file), program, (size_t)size, 0) != size) {
        die("cannot read", "a program", errno);
    }
    fclose(file);
    *ret_count = (size_t)size / sizeof(*program);
    return program;
}

/* As a comment, for people and for the test that plays the programs. */
static void print_call(const struct calls_row *row, const char *name, void *user)
{
    static const char *const rules[] = {"usual", "exec", "hostile"};
    const struct naming *naming = user;
    int number = seccomp_syscall_resolve_name_arch(naming->arch, name);
    if (number >= 0) {
        fprintf(naming->out, " * %s %d %s %s\n", name, number, rules[row->rule],
                row->tests[0].mask == 0 ? "always" : "sometimes");
    }
}

static void print_calls(FILE *out, const char *arch)
{
    struct naming naming = {.out = out,
                            .arch = arch == NULL ? seccomp_arch_native() : seccomp_arch_resolve_name(arch)};
    fprintf(out, "/* Made by sandbox_compile.\n * architecture 0x%08x\n", naming.arch);
    for (size_t i = 0; i < calls_row_count; i++) {
        each_name(&calls_rows[i], print_call, &naming);
    }
    fprintf(out, " */\n#include \"sandbox_internal.h\"\n\n");
}

static void print(FILE *out, unsigned more, const struct sock_filter *program, size_t count)
{
    fprintf(out, "static const struct sock_filter program_%u[] = {\n", more);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "    {0x%02x, %u, %u, 0x%08x},\n", program[i].code, program[i].jt, program[i].jf,
                program[i].k);
    }
    fprintf(out, "};\n\n");
}

int main(int argc, char **argv)
{
    size_t counts[SANDBOX_PROGRAMS];
    const char *arch = argc == 4 && strcmp(argv[1], "--arch") == 0 ? argv[2] : NULL;
    const char *path = argv[argc - 1];
    if (argc != 2 && arch == NULL) {
        fprintf(stderr, "usage: sandbox_compile [--arch NAME] OUT.c\n");
        return 64;
    }
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        die("cannot open", path, errno);
    }
    print_calls(out, arch);
    for (unsigned more = 0; more < SANDBOX_PROGRAMS; more++) {
        struct sock_filter *program = make(arch, more, &counts[more]);
        print(out, more, program, counts[more]);
        free(program);
    }
    fprintf(out, "const struct sandbox_program sandbox_programs[SANDBOX_PROGRAMS] = {\n");
    for (unsigned more = 0; more < SANDBOX_PROGRAMS; more++) {
        fprintf(out, "    {program_%u, %zu},\n", more, counts[more]);
    }
    fprintf(out, "};\n");
    if (fclose(out) != 0) {
        die("cannot write", path, errno);
    }
    return 0;
}
