#include "outrider/base/version.h"

const char *version_text(void)
{
    return OUTRIDER_VERSION;
}
