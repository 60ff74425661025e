/*
 * clock -- time, in microseconds.
 *
 * clock_us is monotonic: for ages, deadlines and waits. clock_wall_us is UTC since 1970: for people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_us(void);
int64_t clock_wall_us(void);
void clock_sleep_ms(int64_t ms); /* whole, whatever signals come */
/* "2026-11-23T02:30:00Z"; out holds 32 bytes. */
void clock_iso(char *out, int64_t wall_us);

#endif
