#include "placement_internal.h"

#include <assert.h>
#include <stdlib.h>

/* There are one to two points for each bucket when buckets are made, and half a one to four until they are made again. */
enum { BITS_MIN = 4 };

void ring_fini(struct ring *ring)
{
    free(ring->heads);
    free(ring->lows);
    free(ring->buckets);
    *ring = (struct ring){0};
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

uint64_t *ring_points(struct str type, struct str id, size_t count)
{
    size_t size = type.size + id.size + 6;
    uint64_t *points = mem_resize(NULL, count == 0 ? 1 : count, sizeof(*points));
    char *text = mem_zalloc(size);
    memcpy(text, type.data, type.size);
    memcpy(text + type.size + 1, id.data, id.size);
    for (size_t i = 0; i < count; i++) {
        for (unsigned byte = 0; byte < 4; byte++) {
            text[size - 4 + byte] = (char)(i >> 8 * byte & 0xff);
        }
        points[i] = ring_key((struct str){text, size});
    }
    free(text);
    qsort(points, count, sizeof(*points), by_value);
    return points;
}

static size_t bucket_count(const struct ring *ring)
{
    return (size_t)1 << ring->bits;
}

static void set_bits(struct ring *ring, size_t points)
{
    ring->bits = BITS_MIN;
    while ((size_t)2 << ring->bits <= points) {
        ring->bits++;
    }
    ring->buckets = mem_resize(ring->buckets, bucket_count(ring) + 1, sizeof(ring->buckets[0]));
}

static void make_buckets(struct ring *ring)
{
    size_t point = 0;
    set_bits(ring, ring->count);
    for (size_t bucket = 0; bucket < bucket_count(ring); bucket++) {
        while (point < ring->count && ring_bucket(ring, ring_hash(ring, point)) < bucket) {
            point++;
        }
        ring->buckets[bucket] = (uint32_t)point;
    }
    ring->buckets[bucket_count(ring)] = (uint32_t)ring->count;
}

static void put(struct ring *ring, size_t at, struct ring_point point)
{
    ring->heads[at] = (struct ring_head){(uint32_t)(point.hash >> 32), point.owner};
    ring->lows[at] = (uint32_t)point.hash;
}

static struct ring_point get(const struct ring *ring, size_t at)
{
    return (struct ring_point){ring_hash(ring, at), ring->heads[at].owner};
}

static void set_count(struct ring *ring, size_t count)
{
    ring->count = count;
    for (size_t i = 0; i < RING_AHEAD; i++) {
        put(ring, count + i, (struct ring_point){UINT64_MAX, 0});
    }
}

static bool buckets_fit(const struct ring *ring)
{
    size_t count = bucket_count(ring);
    return ring->buckets != NULL && ring->count <= 4 * count &&
           (ring->count >= count / 2 || ring->bits == BITS_MIN);
}

/* The buckets behind each of the points begin one later, or one earlier. */
static void move_buckets(struct ring *ring, const uint64_t *points, size_t count, bool later)
{
    size_t passed = 0;
    for (size_t bucket = count == 0 ? 0 : ring_bucket(ring, points[0]) + 1; bucket <= bucket_count(ring);
         bucket++) {
        while (passed < count && ring_bucket(ring, points[passed]) < bucket) {
            passed++;
        }
        ring->buckets[bucket] =
            later ? ring->buckets[bucket] + (uint32_t)passed : ring->buckets[bucket] - (uint32_t)passed;
    }
}

static void update_buckets(struct ring *ring, const uint64_t *points, size_t count, bool later)
{
    if (buckets_fit(ring)) {
        move_buckets(ring, points, count, later);
    } else {
        make_buckets(ring);
    }
}

static void move(struct ring *ring, size_t to, size_t from, size_t count)
{
    memmove(ring->heads + to, ring->heads + from, count * sizeof(ring->heads[0]));
    memmove(ring->lows + to, ring->lows + from, count * sizeof(ring->lows[0]));
}

/* An eighth more than needed: a fleet that grows by one server at a time does not copy the ring each time. */
static void reserve(struct ring *ring, size_t count)
{
    if (count + RING_AHEAD > ring->capacity) {
        ring->capacity = count + count / 8 + RING_AHEAD;
        ring->heads = mem_resize(ring->heads, ring->capacity, sizeof(ring->heads[0]));
        ring->lows = mem_resize(ring->lows, ring->capacity, sizeof(ring->lows[0]));
    }
}

/* Hashes are spread evenly, so that counting those of each bucket almost sorts them. */
void ring_build(struct ring *ring, const struct ring_point *points, size_t count)
{
    reserve(ring, count);
    set_bits(ring, count);
    memset(ring->buckets, 0, (bucket_count(ring) + 1) * sizeof(ring->buckets[0]));
    for (size_t i = 0; i < count; i++) {
        ring->buckets[ring_bucket(ring, points[i].hash) + 1]++;
    }
    for (size_t bucket = 0; bucket < bucket_count(ring); bucket++) {
        ring->buckets[bucket + 1] += ring->buckets[bucket];
    }
    for (size_t i = 0; i < count; i++) {
        put(ring, ring->buckets[ring_bucket(ring, points[i].hash)]++, points[i]);
    }
    for (size_t at = 1; at < count; at++) {
        struct ring_point point = get(ring, at);
        size_t to = at;
        for (; to > 0 && ring_hash(ring, to - 1) > point.hash; to--) {
            put(ring, to, get(ring, to - 1));
        }
        put(ring, to, point);
    }
    /* Each bucket begins where the one before it has been filled up to. */
    memmove(ring->buckets + 1, ring->buckets, bucket_count(ring) * sizeof(ring->buckets[0]));
    ring->buckets[0] = 0;
    set_count(ring, count);
}

/* From the last point to the first, so that each part of the ring moves once. */
void ring_add(struct ring *ring, uint32_t owner, const uint64_t *points, size_t count)
{
    reserve(ring, ring->count + count);
    size_t end = ring->count;
    for (size_t left = count; left > 0; left--) {
        size_t at = ring->count == 0 ? 0 : ring_lower_bound(ring, points[left - 1]);
        move(ring, at + left, at, end - at);
        put(ring, at + left - 1, (struct ring_point){points[left - 1], owner});
        end = at;
    }
    set_count(ring, ring->count + count);
    update_buckets(ring, points, count, true);
}

/* The first point of `owner` with this hash, from the point `from` on. */
static size_t find_own(const struct ring *ring, uint32_t owner, uint64_t hash, size_t from)
{
    size_t at = from;
    while (at < ring->count && ring_hash(ring, at) == hash && ring->heads[at].owner != owner) {
        at++;
    }
    assert(at < ring->count && ring_hash(ring, at) == hash);
    return at;
}

void ring_remove(struct ring *ring, uint32_t owner, const uint64_t *points, size_t count)
{
    size_t *at = mem_resize(NULL, count + 1, sizeof(*at));
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && points[i] == points[i - 1];
        at[i] = find_own(ring, owner, points[i], again ? at[i - 1] + 1 : ring_lower_bound(ring, points[i]));
    }
    at[count] = ring->count;
    for (size_t i = 0; i < count; i++) {
        move(ring, at[i] - i, at[i] + 1, at[i + 1] - at[i] - 1);
    }
    free(at);
    set_count(ring, ring->count - count);
    update_buckets(ring, points, count, false);
}

size_t ring_bytes(const struct ring *ring)
{
    size_t buckets = ring->buckets == NULL ? 0 : bucket_count(ring) + 1;
    return ring->capacity * (sizeof(ring->heads[0]) + sizeof(ring->lows[0])) +
           buckets * sizeof(ring->buckets[0]);
}
