#include "domain/nickname.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#include "base/text.h"

#define ZWNJ 0x200C
#define ZWJ 0x200D
#define DOT_ABOVE 0x0307
#define DOTLESS_I 0x0131
#define DOTLESS_J 0x0237
#define BLACK_FLAG 0x1F3F4                /* with tags: the flags of Scotland, Wales and others */
#define RAW_MOST (8 * 4 * NICKNAME_CHARS) /* bytes of one that is still looked at */
#define ERASED "erased-"
#define VIRAMA 9  /* a combining class */
#define ABOVE 230 /* another */
#define OURS 2    /* counts our own rules of how names look: who changes them makes it one more */

/* Bounded by what it came from: a nickname, or a line of a request, 8 KiB at most. */
struct text16 {
	UChar *s;
	int32_t len;
};

/* ---- to UTF-16 and back ----------------------------------------------------------------------- */

static void
must(UErrorCode code)
{
	if (U_FAILURE(code))
		abort(); /* no memory, or no data: Debian's library has its data in it */
}

static UChar *
room(struct arena *a, int32_t units)
{
	return arena_alloc(a, ((size_t)units + 1) * sizeof(UChar));
}

static struct text16
to_16(struct arena *a, const char *s, size_t len)
{
	struct text16 text = {room(a, (int32_t)len), 0};
	UErrorCode code = U_ZERO_ERROR;

	u_strFromUTF8(text.s, (int32_t)len + 1, &text.len, s, (int32_t)len, &code);
	must(code);
	return text;
}

static const char *
to_8(struct arena *a, struct text16 text, size_t *len)
{
	int32_t most = 3 * text.len, n = 0;
	char *out = arena_alloc(a, (size_t)most + 1);
	UErrorCode code = U_ZERO_ERROR;

	u_strToUTF8(out, most + 1, &n, text.s, text.len, &code);
	must(code);
	*len = (size_t)n;
	return out;
}

/* Twice: a form may be longer than what it is of, and says how long. */
static struct text16
normal(struct arena *a, const UNormalizer2 *form, struct text16 text)
{
	UErrorCode code = U_ZERO_ERROR;
	struct text16 out = {room(a, text.len), 0};

	out.len = unorm2_normalize(form, text.s, text.len, out.s, text.len + 1, &code);
	if (code == U_BUFFER_OVERFLOW_ERROR) {
		code = U_ZERO_ERROR;
		out.s = room(a, out.len);
		out.len = unorm2_normalize(form, text.s, text.len, out.s, out.len + 1, &code);
	}
	must(code);
	return out;
}

/* The character at *at, which goes on behind it. By hand, for ICU's macro mixes signs. */
static UChar32
take(struct text16 text, int32_t *at)
{
	UChar unit = text.s[(*at)++];

	if (!U16_IS_LEAD(unit) || *at == text.len || !U16_IS_TRAIL(text.s[*at]))
		return unit;
	return U16_GET_SUPPLEMENTARY(unit, text.s[(*at)++]);
}

static void
put(UChar *s, int32_t *to, UChar32 c)
{
	uint32_t whole = (uint32_t)c;

	U16_APPEND_UNSAFE(s, *to, whole);
}

/* Characters with room and nothing in it, or with no glyph of their own, which Unicode's properties do not tell. */
static bool
is_blank(UChar32 c)
{
	static const struct {
		UChar32 from, to;
	} blanks[] = {
	    {0x2800, 0x2800},   /* Braille's pattern without dots */
	    {0x2D7F, 0x2D7F},   /* Tifinagh's joiner */
	    {0x13441, 0x13442}, /* Egyptian blanks */
	    {0x16FE4, 0x16FE4}, /* Khitan's filler */
	    {0x1BC9D, 0x1BC9D}, /* Duployan's selector */
	    {0x1D159, 0x1D159}, /* the notehead that is none */
	    {0x1DA9B, 0x1DAAF}, /* SignWriting's fills and turns */
	};

	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		if (c >= blanks[i].from && c <= blanks[i].to)
			return true;
	return false;
}

/* White space at the ends cut, inside folded into single blanks; in place. */
static void
fold_blanks(struct text16 *text)
{
	int32_t at = 0, to = 0;
	bool blank = false;

	while (at < text->len) {
		UChar32 c = take(*text, &at);

		if (u_isUWhiteSpace(c)) {
			blank = to > 0;
			continue;
		}
		if (blank)
			text->s[to++] = ' ';
		blank = false;
		put(text->s, &to, c);
	}
	text->len = to;
	text->s[to] = 0;
}

/* ---- which characters ------------------------------------------------------------------------- */

static UChar32
before(struct text16 text, int32_t at)
{
	if (at <= 0)
		return -1;
	at -= at > 1 && U16_IS_TRAIL(text.s[at - 1]) && U16_IS_LEAD(text.s[at - 2]) ? 2 : 1;
	return take(text, &at);
}

static UChar32
after(struct text16 text, int32_t at)
{
	return at < text.len ? take(text, &at) : -1;
}

static bool
is(UChar32 c, UProperty property)
{
	return c >= 0 && u_hasBinaryProperty(c, property);
}

static int32_t
joining(UChar32 c)
{
	return c < 0 ? U_JT_NON_JOINING : u_getIntPropertyValue(c, UCHAR_JOINING_TYPE);
}

/* An emoji before a joiner may have its colour of skin or its look said in between. */
static bool
follows_emoji(struct text16 text, int32_t at)
{
	UChar32 c = before(text, at);

	while (is(c, UCHAR_EMOJI_MODIFIER) || is(c, UCHAR_VARIATION_SELECTOR)) {
		at -= U16_LENGTH(c);
		c = before(text, at);
	}
	return is(c, UCHAR_EXTENDED_PICTOGRAPHIC);
}

/* RFC 5892, A.1: between two letters that would join otherwise, signs that stand on them passed over. */
static bool
divides_letters(struct text16 text, int32_t at, int32_t next)
{
	int32_t left, right;

	while (left = joining(before(text, at)), left == U_JT_TRANSPARENT)
		at -= U16_LENGTH(before(text, at));
	while (right = joining(after(text, next)), right == U_JT_TRANSPARENT)
		next += U16_LENGTH(after(text, next));
	return (left == U_JT_LEFT_JOINING || left == U_JT_DUAL_JOINING) &&
	    (right == U_JT_RIGHT_JOINING || right == U_JT_DUAL_JOINING);
}

static bool
joiner_is_needed(struct text16 text, int32_t at, int32_t next, UChar32 c)
{
	UChar32 left = before(text, at);

	if (left >= 0 && u_getCombiningClass(left) == VIRAMA)
		return true;
	if (c == ZWJ)
		return follows_emoji(text, at) &&
		    is(after(text, next), UCHAR_EXTENDED_PICTOGRAPHIC);
	return divides_letters(text, at, next);
}

static bool
selector_is_needed(UChar32 left)
{
	return is(left, UCHAR_EMOJI) || is(left, UCHAR_EXTENDED_PICTOGRAPHIC) ||
	    is(left, UCHAR_IDEOGRAPHIC) ||
	    u_getIntPropertyValue(left, UCHAR_SCRIPT) == USCRIPT_MONGOLIAN;
}

static bool
is_tag(UChar32 c)
{
	return c >= 0xE0020 && c <= 0xE007F;
}

/* A character that cannot be seen, where it does nothing that could be. */
static bool
is_hidden(struct text16 text, int32_t at, int32_t next, UChar32 c)
{
	UChar32 left = before(text, at);

	if (is_blank(c))
		return true;
	if (c == ZWJ || c == ZWNJ)
		return !joiner_is_needed(text, at, next, c);
	if (is(c, UCHAR_VARIATION_SELECTOR))
		return left < 0 || !selector_is_needed(left);
	if (is_tag(c))
		return !is_tag(left) && left != BLACK_FLAG;
	return u_charType(c) == U_FORMAT_CHAR || is(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

/*
 * Whether what stands at `at`, decomposed, is a mark that another one of its letter hides: the dot above a letter that
 * has one, and the same mark once more. `letter` is where its letter begins.
 */
static bool
is_hidden_mark(struct text16 text, int32_t letter, int32_t at, UChar32 c)
{
	int32_t i = letter;
	UChar32 base = take(text, &i), other;
	bool first_above = true;

	while (i < at) {
		other = take(text, &i);
		if (other == c)
			return true;
		first_above = first_above && u_getCombiningClass(other) != ABOVE;
	}
	return c == DOT_ABOVE && first_above &&
	    (is(base, UCHAR_SOFT_DOTTED) || base == DOTLESS_I || base == DOTLESS_J);
}

static struct text16
decomposed(struct arena *a, struct text16 text)
{
	UErrorCode code = U_ZERO_ERROR;
	struct text16 out = normal(a, unorm2_getNFDInstance(&code), text);

	must(code);
	return out;
}

/* Without marks that cannot be seen: `text` is decomposed, and changed in place. Says whether there was one. */
static bool
drop_hidden_marks(struct text16 *text)
{
	int32_t letter = 0, to = 0;
	bool dropped = false;

	for (int32_t at = 0, next = 0; at < text->len; at = next) {
		UChar32 c = take(*text, &next);

		if (u_charType(c) != U_NON_SPACING_MARK)
			letter = to;
		else if (to > letter && is_hidden_mark(*text, letter, to, c)) {
			dropped = true;
			continue;
		}
		put(text->s, &to, c);
	}
	text->len = to;
	text->s[to] = 0;
	return dropped;
}

static bool
is_none(UChar32 c)
{
	return U_IS_UNICODE_NONCHAR(c) || u_charType(c) == U_UNASSIGNED ||
	    u_charType(c) == U_SURROGATE;
}

static bool
can_be_seen(UChar32 c)
{
	return (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_Z_MASK | U_GC_C_MASK)) == 0 &&
	    !is_blank(c) && !is(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

static bool
refuse(struct err *e, const char *said)
{
	return err_set(e, ERR_FIELD, said, "nickname");
}

/* A mark of one script on a letter of another is shown as anything, or as nothing. */
static bool
is_strange_mark(struct text16 text, int32_t at, UChar32 c)
{
	UErrorCode code = U_ZERO_ERROR;
	UChar32 left = before(text, at);
	UScriptCode own, its;

	if ((U_GET_GC_MASK(c) & U_GC_M_MASK) == 0 || left < 0)
		return false;
	own = uscript_getScript(c, &code);
	its = uscript_getScript(left, &code);
	must(code);
	return own > USCRIPT_INHERITED && its > USCRIPT_INHERITED && own != its &&
	    !uscript_hasScript(c, its) && !uscript_hasScript(left, own);
}

/* Each of its characters, and that one is there to be seen. */
static bool
check_characters(struct text16 text, struct err *e)
{
	bool seen = false;

	for (int32_t at = 0, next = 0; at < text.len; at = next) {
		UChar32 c = take(text, &next);

		if (is_none(c))
			return refuse(e,
			    "The parameter 'nickname' has a character that Unicode does not know.");
		if (is_hidden(text, at, next, c))
			return refuse(
			    e, "The parameter 'nickname' has a character that cannot be seen.");
		if (is_strange_mark(text, at, c))
			return refuse(e,
			    "The parameter 'nickname' has a mark on a letter of another script.");
		seen = seen || can_be_seen(c) || u_charType(c) == U_PRIVATE_USE_CHAR;
	}
	return seen || refuse(e, "The parameter 'nickname' needs a character that can be seen.");
}

/* ---- a name ----------------------------------------------------------------------------------- */

/* Letters, digits and such of ASCII need no library: most names are of these. */
static bool
is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~' ||
		    (s[i] == ' ' && (i == 0 || i + 1 == len || s[i + 1] == ' ')))
			return false;
	return true;
}

bool
nickname_was_allowed(const char *s, size_t len)
{
	size_t chars = text_chars(s, len);

	return chars >= 1 && chars <= NICKNAME_CHARS && !text_has_control(s, len) &&
	    !text_starts(s, ERASED);
}

/* A part between slashes that browsers and proxies take out of an address, so that no page could be reached by it. */
static bool
has_way_up(const char *s)
{
	for (;; s++) {
		size_t len = strcspn(s, "/");

		if (len > 0 && len <= 2 && strncmp(s, "..", len) == 0)
			return true;
		s += len;
		if (*s == 0)
			return false;
	}
}

static bool looks_erased(struct arena *a, const char *s, size_t len);

bool
nickname_tidy(
    struct arena *a, const char *s, size_t len, const char **out, size_t *out_len, struct err *e)
{
	static const char said[] =
	    "The parameter 'nickname' must be 1 to 128 characters without control characters.";
	UErrorCode code = U_ZERO_ERROR;
	struct text16 text, plain;

	*out = s;
	*out_len = len;
	if (len > RAW_MOST || text_has_control(s, len))
		return refuse(e, said);
	if (!is_plain(s, len)) {
		text = normal(a, unorm2_getNFCInstance(&code), to_16(a, s, len));
		must(code);
		fold_blanks(&text);
		if (!check_characters(text, e))
			return false;
		plain = decomposed(a, text);
		if (drop_hidden_marks(&plain))
			return refuse(
			    e, "The parameter 'nickname' has a mark that cannot be seen.");
		*out = to_8(a, text, out_len);
	}
	if (*out_len == 0 || text_chars(*out, *out_len) > NICKNAME_CHARS)
		return refuse(e, said);
	if (has_way_up(*out))
		return refuse(e,
		    "The parameter 'nickname' may not be . or .., nor have one of them as a part "
		    "between slashes.");
	if (looks_erased(a, *out, *out_len))
		return refuse(e,
		    "Nobody may have a nickname that begins with 'erased-', or looks so: who was "
		    "erased is called so.");
	return true;
}

/* ---- looks ------------------------------------------------------------------------------------ */

/* Asked by all threads at once, which it allows; kept for the life of the process. */
static USpoofChecker *checker;
static pthread_once_t checker_once = PTHREAD_ONCE_INIT;

static void
open_checker(void)
{
	UErrorCode code = U_ZERO_ERROR;

	checker = uspoof_open(&code);
	must(code);
}

static struct text16
skeleton(struct arena *a, struct text16 text)
{
	UErrorCode code = U_ZERO_ERROR;
	struct text16 out = {room(a, text.len), 0};

	(void)pthread_once(&checker_once, open_checker);
	out.len = uspoof_getSkeleton(checker, 0, text.s, text.len, out.s, text.len + 1, &code);
	if (code == U_BUFFER_OVERFLOW_ERROR) {
		code = U_ZERO_ERROR;
		out.s = room(a, out.len);
		out.len =
		    uspoof_getSkeleton(checker, 0, text.s, text.len, out.s, out.len + 1, &code);
	}
	must(code);
	return out;
}

static const UNormalizer2 *
casefold(void)
{
	UErrorCode code = U_ZERO_ERROR;
	const UNormalizer2 *form = unorm2_getNFKCCasefoldInstance(&code);

	must(code);
	return form;
}

/* Drops what cannot be seen and is a matter of form, but leaves the case. */
static struct text16
compatible(struct arena *a, struct text16 text)
{
	UErrorCode code = U_ZERO_ERROR;
	struct text16 out = normal(a, unorm2_getNFKCInstance(&code), text);
	int32_t to = 0;

	must(code);
	for (int32_t at = 0; at < out.len;) {
		UChar32 c = take(out, &at);

		if (!is(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
			put(out.s, &to, c);
	}
	out.len = to;
	return out;
}

/* Blanks that no property tells are blanks, or nothing where they are marks; and marks that cannot be seen are none. */
static struct text16
visible(struct arena *a, struct text16 text)
{
	struct text16 out = decomposed(a, text);
	int32_t to = 0;

	for (int32_t at = 0; at < out.len;) {
		UChar32 c = take(out, &at);

		if (!is_blank(c))
			put(out.s, &to, c);
		else if (u_charType(c) != U_NON_SPACING_MARK)
			put(out.s, &to, ' ');
	}
	out.len = to;
	(void)drop_hidden_marks(&out);
	return out;
}

struct skeletons {
	const char *folded, *written;
	size_t folded_len, written_len;
};

static struct skeletons
skeletons_of(struct arena *a, const char *s, size_t len)
{
	struct text16 text = visible(a, to_16(a, s, len)), folded, written;
	struct skeletons made;

	/* Twice: in lower case a letter may have a dot of its own below that of the capital one. */
	folded = visible(a, normal(a, casefold(), text));
	fold_blanks(&folded);
	made.folded = to_8(a, skeleton(a, folded), &made.folded_len);
	written = compatible(a, text);
	fold_blanks(&written);
	made.written = to_8(a, normal(a, casefold(), skeleton(a, written)), &made.written_len);
	return made;
}

struct nickname_look
nickname_look(struct arena *a, const char *s, size_t len)
{
	struct skeletons made = skeletons_of(a, s, len);

	return (struct nickname_look){
	    hash_128(made.folded, made.folded_len), hash_128(made.written, made.written_len)};
}

const char *
nickname_mark(char out[NICKNAME_MARK])
{
	UVersionInfo icu, unicode;
	char icu_text[U_MAX_VERSION_STRING_LENGTH], unicode_text[U_MAX_VERSION_STRING_LENGTH];

	u_getVersion(icu);
	u_getUnicodeVersion(unicode);
	u_versionToString(icu, icu_text);
	u_versionToString(unicode, unicode_text);
	snprintf(out, NICKNAME_MARK, "%.19s %.19s %d", icu_text, unicode_text, OURS);
	return out;
}

static bool
looks_like(struct arena *a, const struct skeletons *look, const char *name, size_t len)
{
	struct skeletons other = skeletons_of(a, name, len);

	return strcmp(look->folded, other.folded) == 0 || strcmp(look->written, other.written) == 0;
}

static bool
begins_erased(struct arena *a, const struct skeletons *look)
{
	struct skeletons erased = skeletons_of(a, ERASED, strlen(ERASED));

	return text_starts(look->folded, erased.folded) ||
	    text_starts(look->written, erased.written);
}

static bool
looks_erased(struct arena *a, const char *s, size_t len)
{
	struct skeletons look = skeletons_of(a, s, len);

	return begins_erased(a, &look);
}

bool
nickname_is_reserved(struct arena *a, const char *s, size_t len, const char *list)
{
	struct skeletons look = skeletons_of(a, s, len);

	if (looks_like(a, &look, "anonymous", strlen("anonymous")) || begins_erased(a, &look))
		return true;
	for (const char *name = list; *name;) {
		size_t n = strcspn(name, ",");

		if (n > 0 && looks_like(a, &look, name, n))
			return true;
		name += n;
		name += *name == ',';
	}
	return false;
}
