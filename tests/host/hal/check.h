// SPDX-License-Identifier: MIT
//
// The little that a test in C needs: TEST(name) { CHECK(condition); CHECK_EQ(a, b); }. The program runs the
// test named by its argument, or lists all names.
#ifndef TESTS_HOST_HAL_CHECK_H
#define TESTS_HOST_HAL_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct _test_t {
    const char *name;
    void (*run)(void);
    struct _test_t *next;
} test_t;

static test_t *all_tests;

#define TEST(test_name) \
    static void test_name(void); \
    static test_t test_name##_entry = { #test_name, test_name, NULL }; \
    __attribute__((constructor)) static void test_name##_register(void) { \
        test_name##_entry.next = all_tests; \
        all_tests = &test_name##_entry; \
    } \
    static void test_name(void)

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

#define CHECK_EQ(a, b) \
    do { \
        long long a_ = (long long)(a), b_ = (long long)(b); \
        if (a_ != b_) { \
            printf("%s:%d: %s is %lld (0x%llx), ", __FILE__, __LINE__, #a, a_, a_); \
            printf("not %s = %lld (0x%llx)\n", #b, b_, b_); \
            exit(1); \
        } \
    } while (0)

int main(int argc, char **argv) {
    for (test_t *test = all_tests; test != NULL; test = test->next) {
        if (argc < 2) {
            puts(test->name);
        } else if (strcmp(argv[1], test->name) == 0) {
            test->run();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

#endif
