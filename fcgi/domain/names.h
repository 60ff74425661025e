/*
 * names -- the display names of workers: "patient-lantern-4711".
 *
 * From two short lists that were chosen by hand, so that nothing rude can be drawn. 128 x 128 x 40,000
 * names; the database says when one is taken.
 */
#ifndef DOMAIN_NAMES_H
#define DOMAIN_NAMES_H

#define NAME_SIZE 40

void name_random(char out[NAME_SIZE]);

#endif
