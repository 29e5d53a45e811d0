/* Subscribers that follow an event stream until this program is told to end; its user asks the observer how
 * many there are.
 *
 * usage: bench_follow PORT SUBSCRIBERS
 * ends with 0 at TERM, with 1 when a subscriber was closed before */
#include "meter.h"
#include "subscribers.h"

#include <signal.h>

static volatile sig_atomic_t told_to_end;

static void on_term(int number)
{
    (void)number;
    told_to_end = 1;
}

int main(int count, char **arguments)
{
    struct subscribers all;
    if (count != 3) {
        meter_die("usage: PORT SUBSCRIBERS");
    }
    signal(SIGTERM, on_term);
    subscribers_open(&all, (uint16_t)meter_number(arguments[1]), (size_t)meter_number(arguments[2]));
    while (told_to_end == 0) {
        subscribers_read(&all, 100);
    }
    if (all.closed > 0) {
        meter_die("%zu subscribers were closed", all.closed);
    }
    return 0;
}
