/*
 * test -- what every unit test includes.
 *
 * One program a module, one behaviour a test, named as a sentence. TAP on standard output when
 * CMOCKA_MESSAGE_OUTPUT=TAP, as `make check` sets it.
 *
 * Source	the only file that includes cmocka.
 */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#endif
