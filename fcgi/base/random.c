#include "base/random.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define STOCK 512 /* bytes: one call of the kernel's for 32 ids */

/* Bits that nobody was given yet: the last `left` of them. */
static _Thread_local struct {
	uint8_t bytes[STOCK];
	size_t left;
} stock;

/* Else parent and child would give the same. In a child there is one thread, the one that forked. */
static void
empty_stock(void)
{
	sodium_memzero(&stock, sizeof(stock));
}

void
random_open(void)
{
	if (sodium_init() < 0) {
		fputs("libsodium cannot start: no source of random bits\n", stderr);
		exit(1);
	}
	if (pthread_atfork(NULL, NULL, empty_stock) != 0)
		abort();
}

void
random_bytes(void *out, size_t len)
{
	uint8_t *from;

	if (len > STOCK / 8) {
		randombytes_buf(out, len);
		return;
	}
	if (stock.left < len) {
		randombytes_buf(stock.bytes, STOCK);
		stock.left = STOCK;
	}
	from = stock.bytes + STOCK - stock.left;
	memcpy(out, from, len);
	sodium_memzero(from, len); /* what was given is nowhere else */
	stock.left -= len;
}

static const char hex[] = "0123456789abcdef";

void
random_id(char out[RANDOM_ID])
{
	uint8_t bytes[(RANDOM_ID - 1) / 2];

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

uint32_t
random_below(uint32_t below)
{
	return randombytes_uniform(below);
}

int64_t
random_jitter(int64_t ms, int share)
{
	int64_t spread = ms > 0 && share > 0 ? ms / 100 * share + ms % 100 * share / 100 : 0;

	if (spread > INT32_MAX / 2)
		spread = INT32_MAX / 2;
	return ms - spread + (int64_t)random_below((uint32_t)(2 * spread + 1));
}

struct uuid
uuid_new(void)
{
	struct uuid u;

	random_bytes(u.b, sizeof(u.b));
	u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
	u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
	return u;
}

static bool
dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void
uuid_text(char out[UUID_TEXT], const struct uuid *u)
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(u->b); i++) {
		if (dash_at(at))
			out[at++] = '-';
		out[at++] = hex[u->b[i] >> 4];
		out[at++] = hex[u->b[i] & 15];
	}
	out[at] = '\0';
}

bool
uuid_parse(struct uuid *out, const char *s, size_t len)
{
	struct uuid u = {{0}};
	size_t at = 0;
	int high, low;

	if (len != UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < sizeof(u.b); i++) {
		if (dash_at(at) && s[at++] != '-')
			return false;
		high = text_hex_digit(s[at++]);
		low = text_hex_digit(s[at++]);
		if (high < 0 || low < 0)
			return false;
		u.b[i] = (uint8_t)(high << 4 | low);
	}
	*out = u;
	return true;
}

bool
uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return sodium_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

struct uuid
hash_128(const void *bytes, size_t len)
{
	struct uuid u;

	crypto_generichash(u.b, sizeof(u.b), bytes, len, NULL, 0);
	return u;
}

void
hash_hex(char *out, const void *bytes, size_t len)
{
	unsigned char hash[32];

	crypto_generichash(hash, sizeof(hash), bytes, len, NULL, 0);
	sodium_bin2hex(out, 2 * sizeof(hash) + 1, hash, sizeof(hash));
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "libsodium's fits");

static crypto_hash_sha256_state *
state_of(struct sha256 *s)
{
	return (crypto_hash_sha256_state *)(void *)s->room;
}

void
sha256_begin(struct sha256 *s)
{
	crypto_hash_sha256_init(state_of(s));
}

void
sha256_put(struct sha256 *s, const void *bytes, size_t len)
{
	crypto_hash_sha256_update(state_of(s), bytes, len);
}

void
sha256_end(struct sha256 *s, char out[SHA256_TEXT])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_final(state_of(s), hash);
	sodium_bin2hex(out, SHA256_TEXT, hash, sizeof(hash));
}
