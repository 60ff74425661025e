/*
 * address -- internet addresses as the database takes them.
 *
 * Errors	answers false, and out is "".
 * Source	RFC 4291, 2.5.5.2: an IPv4 peer of a socket that hears both is ::ffff:192.0.2.7 there.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_TEXT 46 /* the longest one, with NUL */

/* The usual text of an IPv4 or IPv6 address, an IPv4 one as such however it came. */
bool address_text(char out[ADDRESS_TEXT], const char *said);
/*
 * A number for whoever is behind an address: of IPv6 its first 64 bits count, which are one machine's, as in nginx's
 * tracker.conf. 0 when it is none, and never else.
 */
uint32_t address_network(const char *said);

#endif
