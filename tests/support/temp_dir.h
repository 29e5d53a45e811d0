/* A directory of its own for a test, removed with the files in it. */
#ifndef OUTRIDER_TESTS_SUPPORT_TEMP_DIR_H
#define OUTRIDER_TESTS_SUPPORT_TEMP_DIR_H

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temp_dir {
    char path[64];
    char names[4][192]; /* what temp_path returned last */
    unsigned next;
};

/* Makes the directory. Returns 0 or -1. */
static inline int temp_dir_init(struct temp_dir *dir)
{
    memset(dir, 0, sizeof(*dir));
    strcpy(dir->path, "/tmp/outrider-test-XXXXXX");
    return mkdtemp(dir->path) == NULL ? -1 : 0;
}

/* Removes the directory and the files in it. Returns 0, or -1 when something is left. */
static inline int temp_dir_fini(struct temp_dir *dir)
{
    DIR *list = opendir(dir->path);
    if (list == NULL) {
        return -1;
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        unlinkat(dirfd(list), entry->d_name, 0);
    }
    closedir(list);
    return rmdir(dir->path);
}

/* `name` inside the directory; valid until the fourth call after this one. */
static inline const char *temp_path(struct temp_dir *dir, const char *name)
{
    char *path = dir->names[dir->next++ % 4];
    char *end = stpcpy(stpcpy(path, dir->path), "/");
    size_t size = strnlen(name, sizeof(dir->names[0]) - sizeof(dir->path) - 2);
    memcpy(end, name, size);
    end[size] = '\0';
    return path;
}

#endif
