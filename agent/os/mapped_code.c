#include "outrider/os/mapped_code.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whether the linker has written into read-only segments: such a page would come back without its relocations. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) {
            continue;
        }
        const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
                return true;
            }
        }
    }
    return false;
}

static int release_object(struct dl_phdr_info *object, size_t size, void *user)
{
    (void)size;
    size_t *released = user;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    bool changed = has_text_relocations(object);
    for (size_t i = 0; i < object->dlpi_phnum && !changed; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) {
            continue;
        }
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;
        *released += madvise((void *)begin, end - begin, MADV_DONTNEED) == 0 ? end - begin : 0;
    }
    return 0;
}

size_t mapped_code_release(void)
{
    size_t released = 0;
    dl_iterate_phdr(release_object, &released);
    return released;
}
