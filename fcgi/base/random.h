/*
 * random -- unpredictable bits and hashes without a key, by libsodium (the only file that includes it).
 *
 * Threads	any. A thread fetches bits of the kernel's in advance, for a call each time costs more than what is
 *		done with sixteen of them; each is given once, and a forked process begins anew.
 * Errors	random_open ends the process when libsodium cannot start.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT 37 /* 36 characters and NUL */

void random_open(void);
void random_bytes(void *out, size_t len);
/* 32 lower-case hex digits that tell nothing of those before. */
#define RANDOM_ID 33
void random_id(char out[RANDOM_ID]);
/* Uniform in [0, below). */
uint32_t random_below(uint32_t below);
/* ms +- ms * share/100, uniform: for back-off. */
int64_t random_jitter(int64_t ms, int share);
/* A random UUID, version 4. */
struct uuid uuid_new(void);
void uuid_text(char out[UUID_TEXT], const struct uuid *u);
/* 36 characters, 8-4-4-4-12, either case; nothing else. */
bool uuid_parse(struct uuid *out, const char *s, size_t len);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
/* BLAKE2b-128. */
struct uuid hash_128(const void *bytes, size_t len);
/* 64 lower-case hex digits of BLAKE2b-256; out holds 65. */
void hash_hex(char *out, const void *bytes, size_t len);

/* SHA-256 of what is put, piece by piece: what sha256sum(1) says of a file. */
struct sha256 {
	_Alignas(16) unsigned char room[128];
};
#define SHA256_TEXT 65
void sha256_begin(struct sha256 *s);
void sha256_put(struct sha256 *s, const void *bytes, size_t len);
void sha256_end(struct sha256 *s, char out[SHA256_TEXT]);

#endif
