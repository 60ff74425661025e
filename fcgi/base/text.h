/*
 * text -- small questions about text, UTF-8 first.
 *
 * Text from outside is hostile: everything that takes it takes its length too.
 * Errors	questions answer false.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool text_is_utf8(const char *s, size_t len);
/* Characters (code points) of well-formed UTF-8. */
size_t text_chars(const char *s, size_t len);
/* Bytes of the longest prefix of at most `chars` characters. */
size_t text_cut(const char *s, size_t len, size_t chars);
/* C0, DEL, C1 controls, and the line and paragraph separators U+2028, U+2029. */
bool text_has_control(const char *s, size_t len);
/* Characters that turn the reading direction or are invisible: U+200B..F, U+202A..E, U+2060..9, U+FEFF. */
bool text_has_invisible(const char *s, size_t len);
/* The whole of s is a decimal number between min and max. */
bool text_to_int(const char *s, size_t len, int64_t min, int64_t max, int64_t *out);
/* "90", "16M", "1G": bytes. */
bool text_to_bytes(const char *s, size_t len, int64_t *out);
/* "1 day, 2 hours, 3 minutes and 4 seconds"; "0 seconds". Writes at most size bytes with NUL. */
void text_duration(char *out, size_t size, int64_t seconds);
/* 1234567 -> "1,234,567". out holds at least 28 bytes. */
void text_thousands(char *out, int64_t n);
/* Lower case of ASCII letters only, len bytes and no NUL; out and s may be the same. */
void text_lower(char *out, const char *s, size_t len);
bool text_starts(const char *s, const char *prefix);

#endif
