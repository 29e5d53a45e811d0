/* Runs a fuzzer over files instead of a fuzzing engine: every argument is a folder of seeds. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hands over a copy of exactly the file's size, so that the sanitizer sees one byte read too far. */
static void replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = (size_t)ftell(file);
        data = malloc(size);
        rewind(file);
    }
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
            if (entry->d_name[0] != '.') {
                replay(argv[i], entry->d_name);
                count++;
            }
        }
        if (folder != NULL) {
            closedir(folder);
        }
    }
    printf("%d seeds\n", count);
    return count > 0 ? 0 : 1; /* a decoder without a seed is not tested */
}
