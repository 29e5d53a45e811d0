/* A part of fuzz_http_connection.c: takes what a peer has read apart into answers, and holds them against the requests. */
/* The value of a header of the answer, empty where there is none; each line must be one. */
static struct str header_of(struct str head, struct str name)
{
    struct str found = {"", 0};
    (void)str_split(head, '\n', &head);
    while (head.size > 0) {
        struct str line = str_split(head, '\n', &head), value;
        CHECK(line.size >= 1 && line.data[line.size - 1] == '\r');
        line.size--;
        if (line.size == 0) {
            break;
        }
        CHECK(memchr(line.data, ':', line.size) != NULL && memchr(line.data, '\r', line.size) == NULL &&
              memchr(line.data, '\0', line.size) == NULL);
        struct str key = str_split(line, ':', &value);
        if (key.size == name.size && strncasecmp(key.data, name.data, name.size) == 0) {
            CHECK(found.size == 0); /* once */
            found = str_trim(value);
        }
    }
    return found;
}

/* The number of bytes of the first answer, 0 while it is not complete. */
static size_t take_answer(struct world *world, struct peer *peer, struct str bytes)
{
    uint64_t status, serial = 0, length = 0;
    const char *end = memmem(bytes.data, bytes.size, "\r\n\r\n", 4);
    if (end == NULL) {
        CHECK(bytes.size < HTTP_HEAD_MAX);
        return 0;
    }
    struct str head = {bytes.data, (size_t)(end + 4 - bytes.data)};
    CHECK(head.size > 13 && str_starts(head, STR("HTTP/1.")) && head.data[8] == ' ');
    CHECK(str_to_u64((struct str){head.data + 9, 3}, 599, &status) == 0 && status >= 100);
    struct str length_text = header_of(head, STR("Content-Length")),
               connection = header_of(head, STR("Connection"));
    struct str serial_text = header_of(head, STR("X-Serial"));
    bool closes = str_eq(connection, STR("close")), is_head = false;
    if (status == 100) {
        return head.size;
    }
    if (serial_text.size > 0) {
        CHECK(str_to_u64(serial_text, SERIALS_MAX - 1, &serial) == 0 && serial < world->serials);
        is_head = world->is_head[serial];
    } else {
        CHECK(status >= 400);
    }
    bool has_length = length_text.size > 0;
    CHECK(!has_length || str_to_u64(length_text, MUCH, &length) == 0);
    CHECK(has_length || closes || status == 101); /* else none could tell where it ends */
    size_t body = is_head || status == 101 ? 0 : (size_t)length;
    if (bytes.size < head.size + body) {
        return 0;
    }
    if (serial_text.size > 0) {
        CHECK(!world->answered[serial]);
        CHECK(peer->answers == 0 || serial > peer->serial);
        world->answered[serial] = true;
        peer->serial = (unsigned)serial;
    }
    peer->answers++;
    peer->last_seen = closes || status == 101 || !has_length;
    CHECK(!closes || !has_length || bytes.size == head.size + body);
    return has_length || status == 101 ? head.size + body : bytes.size;
}

static void take_answers(struct world *world, struct peer *peer)
{
    size_t at = 0, taken;
    while (!peer->last_seen && at < peer->got.size) {
        struct str rest = buf_view(&peer->got);
        taken = take_answer(world, peer, (struct str){rest.data + at, rest.size - at});
        if (taken == 0) {
            break;
        }
        at += taken;
    }
    if (peer->last_seen) {
        buf_clear(&peer->got);
    } else if (at > 0) {
        buf_consume(&peer->got, at);
    }
}
