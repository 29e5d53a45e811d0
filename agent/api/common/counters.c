#include "outrider/api/common/counters.h"

/* A probe of loopback takes 0.1 ms and a registry in the same rack 1 ms; a timeout is at most some seconds. */
const int64_t api_bucket_bounds_us[API_BUCKETS - 1] = {100,   250,   500,    1000,    2500,   5000,
                                                       10000, 50000, 250000, 1000000, 5000000};

void api_histogram_count(struct api_histogram *histogram, int64_t us)
{
    int bucket = 0;
    while (bucket < API_BUCKETS - 1 && us > api_bucket_bounds_us[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_us += us;
}
