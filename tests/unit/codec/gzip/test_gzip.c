#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/gzip/gzip.h"
#include "support/inflate.h"

static void add_text(struct buf *text, size_t size, bool is_random)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned seed = 7;
    for (size_t i = 0; text->size < size; i++) {
        seed = seed * 1103515245U + 12345U;
        if (is_random) {
            buf_add(text, &letters[seed >> 26], 1);
        } else {
            buf_printf(text, "{\"id\":\"world-%zu\",\"players\":%u},", i, seed >> 26);
        }
    }
}

static void a_file_is_whole_whatever_its_pieces(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 100000, 1 << 20},
                        pieces[] = {1 << 21, 65536, 8192, 1000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes) * COUNT_OF(pieces) * 2; i++) {
        struct buf text = {0}, packed = {0}, back = {0};
        size_t piece = pieces[i / 2 % COUNT_OF(pieces)];
        add_text(&text, sizes[i / 2 / COUNT_OF(pieces)], i % 2 == 1);
        struct gzip *gzip = gzip_new(GZIP_FILE);
        size_t at = 0;
        do {
            size_t some = text.size - at < piece ? text.size - at : piece;
            gzip_add(gzip, (struct str){text.data + at, some}, at + some == text.size ? GZIP_END : GZIP_MORE,
                     &packed);
            at += some;
        } while (at < text.size);
        gzip_free(gzip);
        assert_int_equal(inflate_text(buf_view(&packed), &back), 1);
        assert_true(str_eq(buf_view(&back), buf_view(&text)));
        if (i % 2 == 0 && text.size > 10000) {
            assert_true(packed.size < text.size / 4);
        }
        buf_fini(&text);
        buf_fini(&packed);
        buf_fini(&back);
    }
}

/* What is flushed can be read at once; what refers to nothing, by one who has got nothing. */
static void a_stream_is_read_as_it_comes(void **state)
{
    (void)state;
    struct gzip *gzip = gzip_new(GZIP_BLOCKS);
    struct buf early = {0}, late = {0}, told = {0}, told_late = {0}, back = {0};
    buf_str(&early, gzip_stream_head());
    buf_str(&late, gzip_stream_head());
    size_t alone = 0, with_history = 0;
    for (int i = 0; i < 40; i++) {
        struct buf message = {0}, block = {0};
        if (i == 20) {
            gzip_restart(gzip);
        }
        add_text(&message, i % 10 == 9 ? 40000 : 300, i % 7 == 6); /* larger than the window, too */
        gzip_add(gzip, buf_view(&message), GZIP_FLUSH, &block);
        alone = i == 0 ? block.size : alone;
        with_history = i == 1 ? block.size : with_history;
        buf_str(&early, buf_view(&block));
        buf_str(&told, buf_view(&message));
        if (i >= 20) {
            buf_str(&late, buf_view(&block));
            buf_str(&told_late, buf_view(&message));
        }
        buf_clear(&back);
        assert_int_equal(inflate_text(buf_view(&early), &back), 0);
        assert_true(str_eq(buf_view(&back), buf_view(&told)));
        buf_fini(&message);
        buf_fini(&block);
    }
    assert_true(with_history < alone / 3);
    buf_clear(&back);
    assert_int_equal(inflate_text(buf_view(&late), &back), 0);
    assert_true(str_eq(buf_view(&back), buf_view(&told_late)));
    gzip_free(gzip);
    gzip_free(NULL);
    buf_fini(&early);
    buf_fini(&late);
    buf_fini(&told);
    buf_fini(&told_late);
    buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_whole_whatever_its_pieces),
        cmocka_unit_test(a_stream_is_read_as_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
