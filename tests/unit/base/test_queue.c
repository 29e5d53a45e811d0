#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/queue.h"
#include "support/queue_size.h"

struct item {
    int number;
    struct str text;
};

static void push(struct queue *queue, int number)
{
    struct item *item = queue_push(queue);
    assert_int_equal(item->number, 0);
    assert_null(item->text.data);
    item->number = number;
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct queue queue;
    struct item item;
    queue_init(&queue, sizeof(item));
    assert_int_equal(queue_size(&queue), 0);
    assert_false(queue_take(&queue, &item));
    for (int i = 1; i <= 100; i++) {
        push(&queue, i);
        assert_int_equal(queue_size(&queue), i);
    }
    for (int i = 1; i <= 100; i++) {
        assert_true(queue_take(&queue, &item));
        assert_int_equal(item.number, i);
        assert_int_equal(queue_size(&queue), 100 - i);
    }
    item.number = -1;
    assert_false(queue_take(&queue, &item));
    assert_int_equal(item.number, -1);
    queue_fini(&queue);
}

/* An effect that is being started may add effects. */
static void pushing_while_taking_keeps_the_order(void **state)
{
    (void)state;
    struct queue queue;
    struct item item;
    queue_init(&queue, sizeof(item));
    int pushed = 0, taken = 0;
    for (int round = 0; round < 50; round++) {
        push(&queue, ++pushed);
        push(&queue, ++pushed);
        assert_true(queue_take(&queue, &item));
        assert_int_equal(item.number, ++taken);
    }
    while (queue_take(&queue, &item)) {
        assert_int_equal(item.number, ++taken);
    }
    assert_int_equal(taken, pushed);
    queue_fini(&queue);
}

static void items_are_zeroed_again_where_one_was_before(void **state)
{
    (void)state;
    struct queue queue;
    struct item item;
    queue_init(&queue, sizeof(item));
    for (int i = 1; i <= 20; i++) {
        push(&queue, i);
        assert_true(queue_take(&queue, &item));
    }
    queue_fini(&queue);
}

/* The sanitizer sees text that went too early, and what is never given back. */
static void text_lives_until_the_queue_was_found_empty(void **state)
{
    (void)state;
    struct queue queue;
    struct item first, second;
    queue_init(&queue, sizeof(first));
    char source[] = "reason";
    ((struct item *)queue_push(&queue))->text = queue_copy(&queue, str_of(source));
    struct str text = queue_copy(&queue, STR("deadline 540"));
    ((struct item *)queue_push(&queue))->text = text;
    source[0] = 'X';
    assert_true(queue_take(&queue, &first));
    assert_true(queue_take(&queue, &second));
    assert_int_equal(queue_size(&queue), 0);
    assert_string_equal(first.text.data, "reason");
    assert_string_equal(second.text.data, "deadline 540");
    assert_int_equal(second.text.size, 12);
    assert_non_null(queue.chunks);
    assert_false(queue_take(&queue, &first));
    assert_null(queue.chunks);
    queue_fini(&queue);
}

static void empty_text_is_text(void **state)
{
    (void)state;
    struct queue queue;
    queue_init(&queue, sizeof(int));
    assert_string_equal(queue_copy(&queue, (struct str){NULL, 0}).data, "");
    assert_true(str_eq(queue_copy(&queue, STR("a\0b")), STR("a\0b")));
    queue_fini(&queue);
}

static void the_end_takes_everything_and_nothing(void **state)
{
    (void)state;
    struct queue zeroed = {0}, full;
    queue_fini(NULL);
    queue_fini(&zeroed);
    queue_init(&full, sizeof(struct item));
    push(&full, 1);
    (void)queue_copy(&full, STR("waiting"));
    queue_fini(&full);
    queue_fini(&full);
    assert_int_equal(queue_size(&full), 0);
    push(&full, 2);
    assert_int_equal(queue_size(&full), 1);
    queue_fini(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(pushing_while_taking_keeps_the_order),
        cmocka_unit_test(items_are_zeroed_again_where_one_was_before),
        cmocka_unit_test(text_lives_until_the_queue_was_found_empty),
        cmocka_unit_test(empty_text_is_text),
        cmocka_unit_test(the_end_takes_everything_and_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
