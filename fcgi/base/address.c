#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/random.h"

_Static_assert(ADDRESS_TEXT >= INET6_ADDRSTRLEN, "the longest address fits");

bool
address_text(char out[ADDRESS_TEXT], const char *said)
{
	struct in6_addr six;
	struct in_addr four;

	*out = '\0';
	if (inet_pton(AF_INET, said, &four) == 1)
		return inet_ntop(AF_INET, &four, out, ADDRESS_TEXT);
	if (inet_pton(AF_INET6, said, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six))
		return inet_ntop(AF_INET, &six.s6_addr[12], out, ADDRESS_TEXT);
	return inet_ntop(AF_INET6, &six, out, ADDRESS_TEXT);
}

uint32_t
address_network(const char *said)
{
	struct in6_addr six;
	char text[ADDRESS_TEXT];
	struct uuid hash;
	uint32_t number;

	if (!address_text(text, said))
		return 0;
	hash =
	    inet_pton(AF_INET6, text, &six) == 1 ? hash_128(&six, 8) : hash_128(text, strlen(text));
	memcpy(&number, hash.b, sizeof(number));
	return number == 0 ? 1 : number;
}
