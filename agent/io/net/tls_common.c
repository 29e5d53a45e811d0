#include "tls_internal.h"

#include <limits.h>
#include <sys/stat.h>

int tls_int_size(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

bool tls_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

int tls_no_pass_phrase(char *ret_text, int size, int writing, void *user)
{
    (void)ret_text, (void)size, (void)writing, (void)user;
    return 0;
}
