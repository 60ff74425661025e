/*
 * standard -- descriptors 0, 1 and 2 are there, whoever started the program.
 *
 * Started without one of them, a program gets the next file or connection in its place, and prints into it: what was
 * for a terminal is then sent to PostgreSQL.
 *
 * Threads	before there are any.
 * Errors	ends the program (EX_OSERR) where /dev/null cannot be opened.
 * Source	what GNU's programs do (stdopen).
 */
#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

/* First of all in main. In the place of a missing one is a descriptor on which every read or write fails, so that is told. */
void standard_open(void);

#endif
