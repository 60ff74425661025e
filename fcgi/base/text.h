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
/* Bytes of the character that s begins with; 0 when it is ill-formed. len > 0. */
size_t text_char_len(const char *s, size_t len);
/* Characters (code points) of well-formed UTF-8. */
size_t text_chars(const char *s, size_t len);
/* Bytes of the longest prefix of at most `chars` characters. */
size_t text_cut(const char *s, size_t len, size_t chars);
/* C0, DEL, C1 controls, and the line and paragraph separators U+2028, U+2029. */
bool text_has_control(const char *s, size_t len);
/*
 * Characters that turn the reading direction, are invisible or blank, or are none: Unicode's
 * Default_Ignorable_Code_Point but for the choice of an emoji's look, format controls, noncharacters.
 */
bool text_has_invisible(const char *s, size_t len);
/* UTF-8 of which every character can be seen: a name or a line that an operator gives. */
bool text_is_plain(const char *s, size_t len);
/*
 * Makes text from outside fit for people to read, on a page, in a log or on a terminal, in place, and
 * answers its new length, which is never longer. A control character becomes a blank (but \n and \t stay
 * with `lines`), what is no UTF-8 a question mark; a terminal's control sequences, and all that turns the
 * reading direction or is invisible, go. Exceptions, without which honest text would read wrongly: a
 * joiner (U+200C, U+200D) between two characters beyond ASCII, as in Persian or in an emoji of a family,
 * and the choice of an emoji's look (U+FE0E, U+FE0F) after a character that may have one.
 */
size_t text_clean(char *s, size_t len, bool lines);
/*
 * Bytes of s up to its first character that text_clean would not let everywhere be, which goes to *odd (U+FFFD:
 * no UTF-8); len, where there is none.
 */
size_t text_odd(const char *s, size_t len, uint32_t *odd);
/* The whole of s is a decimal number between min and max. */
bool text_to_int(const char *s, size_t len, int64_t min, int64_t max, int64_t *out);
#define YEAR_S INT64_C(31557600) /* Julian: 365.25 days */
/* "90", "16M", "1G": bytes. */
bool text_to_bytes(const char *s, size_t len, int64_t *out);
/* "90", "90s", "15m", "2h", "1d": seconds; may be negative. */
bool text_to_seconds(const char *s, size_t len, int64_t *out);
/*
 * "45 seconds", "9 minutes and 3 seconds", "1 hour and 5 minutes", "3 days and 4 hours", "23 days", "6 years":
 * rounded to what is of use. Writes at most size bytes with NUL.
 */
void text_duration(char *out, size_t size, int64_t seconds);
/* The word for n things: `one` for 1, else `many`. */
const char *text_plural(int64_t n, const char *one, const char *many);
/* 1234567 -> "1,234,567". out holds at least 28 bytes. */
void text_thousands(char *out, int64_t n);
/* Space, tab, CR, LF. */
bool text_is_space(char c);
/* What is left of s, in place, without spaces at its ends. */
char *text_trim(char *s);
/* 0 to 15, of either case; -1 when c is no hex digit. */
int text_hex_digit(char c);
/* Lower case of ASCII letters only, len bytes and no NUL; out and s may be the same. */
void text_lower(char *out, const char *s, size_t len);
bool text_starts(const char *s, const char *prefix);

#endif
