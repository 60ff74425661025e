/* json-c has a type of the name of our function; in here it goes by another. */
#define json_type json_c_type
#include <json-c/json.h>
#undef json_type

#include "base/json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* json-c keeps null as a NULL pointer; here NULL means absent, so null has an address of its own. */
static char null_place;
#define NULL_VALUE ((json *)&null_place)

/* ---- the scanner: RFC 8259 and nothing else ---------------------------------------------- */

/* What is wrong, as a client hears it, and as a log or a loader names it. */
struct fault {
	const char *said, *why;
};

static const struct fault faults[] = {
    {"The body is not valid JSON.", "not JSON"},
    {"The body is not valid UTF-8.", "not UTF-8"},
    {"The JSON has the same key twice in one object.", "a key comes twice in an object"},
    {"The JSON is nested too deeply.", "nested deeper than 64"},
    {"The JSON has a NUL character in a string.", "a NUL in a string"},
    {"The JSON has half of a surrogate pair in a string.", "half of a surrogate pair in a string"},
    {"The JSON has too many keys.", "too many keys"},
};
_Static_assert(JSON_DEPTH == 64, "a fault tells it");

#define FAULT_SYNTAX (&faults[0])
#define FAULT_UTF8 (&faults[1])
#define FAULT_TWICE (&faults[2])
#define FAULT_DEPTH (&faults[3])
#define FAULT_NUL (&faults[4])
#define FAULT_LONE (&faults[5])
#define FAULT_MEMORY (&faults[6])

#define KEYS_FEW 32     /* keys that need no memory of their own */
#define KEYS_PAIRWISE 8 /* up to here, comparing all pairs is quicker than sorting */

struct key {
	uint64_t hash; /* of the decoded characters: FNV-1a */
	const char *s;
	size_t len;
};

struct scan {
	const char *text, *p, *end;
	const struct fault *fault; /* NULL = none yet */
	int depth;
	bool seen_before; /* the text was scanned already: keys are known to differ */
	struct key few[KEYS_FEW];
	struct key *keys; /* of all the objects that are open, the outermost first */
	size_t n_keys, size;
};

static void
scan_init(struct scan *sc, const char *text, size_t len, bool seen_before)
{
	sc->text = sc->p = text;
	sc->end = text + len;
	sc->fault = NULL;
	sc->depth = 0;
	sc->seen_before = seen_before;
	sc->keys = sc->few;
	sc->n_keys = 0;
	sc->size = KEYS_FEW;
}

static void
scan_fini(struct scan *sc)
{
	if (sc->keys != sc->few)
		free(sc->keys);
}

static bool
fault(struct scan *sc, const struct fault *what)
{
	if (!sc->fault)
		sc->fault = what;
	return false;
}

static void
skip_space(struct scan *sc)
{
	while (sc->p < sc->end &&
	    (*sc->p == ' ' || *sc->p == '\n' || *sc->p == '\t' || *sc->p == '\r'))
		sc->p++;
}

static bool
skip_char(struct scan *sc, char c)
{
	if (sc->p == sc->end || *sc->p != c)
		return false;
	sc->p++;
	return true;
}

/*
 * First byte from s on that JSON cannot hold as it is: a control, a quote, a backslash. Eight bytes at
 * a time: (x - 0x01…) & ~x & 0x80… marks a zero byte (exact for the lowest one that it marks, and
 * that a word has one at all is all that is asked here), with 0x20 for bytes below 0x20.
 */
static const char *
plain_run(const char *s, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
	uint64_t x, quote, slash, low;

	while (end - s >= (ptrdiff_t)sizeof(x)) {
		memcpy(&x, s, sizeof(x));
		quote = x ^ ones * '"';
		slash = x ^ ones * '\\';
		low = (x - ones * 0x20) & ~x;
		if ((low | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
			break;
		s += sizeof(x);
	}
	while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
		s++;
	return s;
}

/* Value of four hex digits, -1 when they are none. */
static int32_t
hex4(const char *s, const char *end)
{
	int32_t n = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = s[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			n = n << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return n;
}

/* Behind "\u". */
static bool
scan_unicode(struct scan *sc)
{
	int32_t unit = hex4(sc->p, sc->end), low;

	if (unit < 0)
		return fault(sc, FAULT_SYNTAX);
	if (unit == 0)
		return fault(sc, FAULT_NUL);
	sc->p += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit > 0xdbff || sc->end - sc->p < 2 || sc->p[0] != '\\' || sc->p[1] != 'u')
		return fault(sc, FAULT_LONE);
	low = hex4(sc->p + 2, sc->end);
	if (low < 0xdc00 || low > 0xdfff)
		return fault(sc, low < 0 ? FAULT_SYNTAX : FAULT_LONE);
	sc->p += 6;
	return true;
}

/* A string with its quotes; *out is what stands between them. */
static bool
scan_string(struct scan *sc, struct json_span *out)
{
	if (!skip_char(sc, '"'))
		return fault(sc, FAULT_SYNTAX);
	out->s = sc->p;
	for (;;) {
		sc->p = plain_run(sc->p, sc->end);
		if (sc->p == sc->end || (unsigned char)*sc->p < 0x20)
			return fault(sc, FAULT_SYNTAX);
		if (*sc->p++ == '"')
			break;
		if (sc->p == sc->end)
			return fault(sc, FAULT_SYNTAX);
		switch (*sc->p++) {
		case '"':
		case '\\':
		case '/':
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			break;
		case 'u':
			if (!scan_unicode(sc))
				return false;
			break;
		default:
			return fault(sc, FAULT_SYNTAX);
		}
	}
	out->len = (size_t)(sc->p - 1 - out->s);
	return true;
}

static bool
scan_digits(struct scan *sc)
{
	const char *from = sc->p;

	while (sc->p < sc->end && *sc->p >= '0' && *sc->p <= '9')
		sc->p++;
	return sc->p > from || fault(sc, FAULT_SYNTAX);
}

static bool
scan_number(struct scan *sc)
{
	skip_char(sc, '-');
	if (!skip_char(sc, '0') && !scan_digits(sc))
		return false;
	if (skip_char(sc, '.') && !scan_digits(sc))
		return false;
	if (skip_char(sc, 'e') || skip_char(sc, 'E')) {
		if (!skip_char(sc, '+'))
			skip_char(sc, '-');
		return scan_digits(sc);
	}
	return true;
}

static bool
scan_word(struct scan *sc, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(sc->end - sc->p) < len || memcmp(sc->p, word, len) != 0)
		return fault(sc, FAULT_SYNTAX);
	sc->p += len;
	return true;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* Next UTF-16 unit or byte of a valid string, escapes decoded; so "a" and "\u0061" are one key. */
struct letters {
	const char *p, *end;
};

/* UTF-8 of an escaped character, in the low bytes of the answer, first byte lowest. */
static uint32_t
pack_utf8(uint32_t c)
{
	if (c < 0x80)
		return c;
	if (c < 0x800)
		return (0xc0 | c >> 6) | (0x80 | (c & 0x3f)) << 8;
	if (c < 0x10000)
		return (0xe0 | c >> 12) | (0x80 | (c >> 6 & 0x3f)) << 8 | (0x80 | (c & 0x3f)) << 16;
	return (0xf0 | c >> 18) | (0x80 | (c >> 12 & 0x3f)) << 8 | (0x80 | (c >> 6 & 0x3f)) << 16 |
	    (0x80 | (c & 0x3f)) << 24;
}

/* Behind "\u", of a string that was scanned. */
static uint32_t
decode_unicode(struct letters *l)
{
	uint32_t c = (uint32_t)hex4(l->p, l->end), low;

	l->p += 4;
	if (c >= 0xd800 && c <= 0xdbff) {
		low = (uint32_t)hex4(l->p + 2, l->end);
		l->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return pack_utf8(c);
}

/* Next byte, or the packed bytes of an escaped character; 0 at the end. */
static uint32_t
next_letter(struct letters *l)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found;
	char c;

	if (l->p == l->end)
		return 0;
	c = *l->p++;
	if (c != '\\')
		return (unsigned char)c;
	c = *l->p++;
	if (c == 'u')
		return decode_unicode(l);
	found = strchr(from, c);
	return (unsigned char)(found ? to[found - from] : c);
}

/* One byte of decoded text at a time; `left` keeps what next_letter gave in one piece. */
static int
next_decoded(struct letters *l, uint32_t *left)
{
	uint32_t now;

	if (*left == 0)
		*left = next_letter(l);
	now = *left & 0xff;
	*left >>= 8;
	return (int)now;
}

/* As memcmp, of the decoded characters. */
static int
compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct letters la = {a, a + a_len}, lb = {b, b + b_len};
	uint32_t left_a = 0, left_b = 0;
	int ca, cb;

	do {
		ca = next_decoded(&la, &left_a);
		cb = next_decoded(&lb, &left_b);
	} while (ca == cb && ca != 0);
	return (ca > cb) - (ca < cb);
}

static int
compare_keys(const void *a_, const void *b_)
{
	const struct key *a = a_, *b = b_;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return compare_text(a->s, a->len, b->s, b->len);
}

static uint64_t
hash_text(const char *s, size_t len)
{
	struct letters l = {s, s + len};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint32_t left = 0;
	int c;

	while ((c = next_decoded(&l, &left)) != 0)
		hash = (hash ^ (uint64_t)c) * UINT64_C(0x100000001b3);
	return hash;
}

static bool
remember_key(struct scan *sc, const struct json_span *key)
{
	if (sc->n_keys == sc->size) {
		struct key *old = sc->keys == sc->few ? NULL : sc->keys;
		struct key *more = realloc(old, 2 * sc->size * sizeof(*more));

		if (!more)
			return fault(sc, FAULT_MEMORY);
		if (!old)
			memcpy(more, sc->few, sizeof(sc->few));
		sc->keys = more;
		sc->size *= 2;
	}
	sc->keys[sc->n_keys++] =
	    (struct key){.hash = hash_text(key->s, key->len), .s = key->s, .len = key->len};
	return true;
}

/* Looks at the keys from `first` on, those of the object that just ended, and forgets them. */
static bool
keys_differ(struct scan *sc, size_t first)
{
	struct key *keys = sc->keys + first;
	size_t n = sc->n_keys - first;

	sc->n_keys = first;
	if (n <= KEYS_PAIRWISE) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (compare_keys(&keys[i], &keys[j]) == 0)
					return fault(sc, FAULT_TWICE);
		return true;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			return fault(sc, FAULT_TWICE);
	return true;
}

/* ---- values --------------------------------------------------------------------------------- */

static bool scan_value(struct scan *sc);

enum step { STEP_ITEM, STEP_END, STEP_FAULT };

/* To the next item of a list or object that ends with `close`; the scanner then stands at it. */
static enum step
next_item(struct scan *sc, char close, bool *first)
{
	bool was_first = *first;

	*first = false;
	skip_space(sc);
	if (skip_char(sc, close))
		return STEP_END;
	if (!was_first && !skip_char(sc, ',')) {
		fault(sc, FAULT_SYNTAX);
		return STEP_FAULT;
	}
	skip_space(sc);
	return STEP_ITEM;
}

/* The same for objects; the scanner then stands at the value of *key. */
static enum step
next_member(struct scan *sc, bool *first, struct json_span *key)
{
	enum step step = next_item(sc, '}', first);

	if (step != STEP_ITEM)
		return step;
	if (!scan_string(sc, key))
		return STEP_FAULT;
	skip_space(sc);
	if (!skip_char(sc, ':')) {
		fault(sc, FAULT_SYNTAX);
		return STEP_FAULT;
	}
	skip_space(sc);
	return STEP_ITEM;
}

static bool
scan_object(struct scan *sc)
{
	size_t first_key = sc->n_keys;
	struct json_span key = {0};
	bool first = true;
	enum step step;

	sc->p++;
	while ((step = next_member(sc, &first, &key)) == STEP_ITEM) {
		if (!sc->seen_before && !remember_key(sc, &key))
			return false;
		if (!scan_value(sc))
			return false;
	}
	return step == STEP_END && (sc->seen_before || keys_differ(sc, first_key));
}

static bool
scan_list(struct scan *sc)
{
	bool first = true;
	enum step step;

	sc->p++;
	while ((step = next_item(sc, ']', &first)) == STEP_ITEM)
		if (!scan_value(sc))
			return false;
	return step == STEP_END;
}

static bool
scan_value(struct scan *sc)
{
	struct json_span ignored;
	bool ok;

	if (sc->p == sc->end)
		return fault(sc, FAULT_SYNTAX);
	switch (*sc->p) {
	case '{':
	case '[':
		if (sc->depth == JSON_DEPTH)
			return fault(sc, FAULT_DEPTH);
		sc->depth++;
		ok = *sc->p == '{' ? scan_object(sc) : scan_list(sc);
		sc->depth--;
		return ok;
	case '"':
		return scan_string(sc, &ignored);
	case 't':
		return scan_word(sc, "true");
	case 'f':
		return scan_word(sc, "false");
	case 'n':
		return scan_word(sc, "null");
	default:
		return scan_number(sc);
	}
}

/* The first fault of the whole text, NULL when there is none; *at is where. */
static const struct fault *
find_fault(const char *text, size_t len, size_t *at)
{
	struct scan sc;

	*at = 0;
	if (!text_is_utf8(text, len))
		return FAULT_UTF8;
	scan_init(&sc, text, len, false);
	skip_space(&sc);
	if (scan_value(&sc)) {
		skip_space(&sc);
		if (sc.p != sc.end)
			fault(&sc, FAULT_SYNTAX);
	}
	*at = (size_t)(sc.p - text);
	scan_fini(&sc);
	return sc.fault;
}

bool
json_is_valid(const char *text, size_t len)
{
	size_t at;

	return !find_fault(text, len, &at);
}

/* ---- json-c --------------------------------------------------------------------------------- */

static pthread_key_t tokener_key;
static pthread_once_t tokener_once = PTHREAD_ONCE_INIT;

static void
forget_tokener(void *tokener)
{
	json_tokener_free(tokener);
}

static void
make_key(void)
{
	if (pthread_key_create(&tokener_key, forget_tokener) != 0)
		abort();
}

/* A parser a thread: making one clears 66 levels of 40 bytes. json-c opens one for the outermost scalar too. */
static struct json_tokener *
own_tokener(void)
{
	struct json_tokener *tokener;

	pthread_once(&tokener_once, make_key);
	tokener = pthread_getspecific(tokener_key);
	if (tokener) {
		json_tokener_reset(tokener);
		return tokener;
	}
	tokener = json_tokener_new_ex(JSON_DEPTH + 2);
	if (!tokener || pthread_setspecific(tokener_key, tokener) != 0)
		abort();
	return tokener;
}

json *
json_parse(const char *text, size_t len, struct err *e)
{
	struct json_tokener *tokener;
	const struct fault *what;
	json *value;
	size_t at;
	bool ok;

	what = find_fault(text, len, &at);
	if (what) {
		if (what == FAULT_UTF8) /* the text was looked at as a whole */
			err_set(e, ERR_FIELD, what->said, "%s", what->why);
		else
			err_set(
			    e, ERR_FIELD, what->said, "%s, at byte %zu of %zu", what->why, at, len);
		return NULL;
	}
	if (len > INT32_MAX) {
		err_set(e, ERR_FIELD, FAULT_SYNTAX->said, "longer than 2 GiB");
		return NULL;
	}
	tokener = own_tokener(); /* its looser modes do not matter any more */
	value = json_tokener_parse_ex(tokener, text, (int)len);
	ok = json_tokener_get_error(tokener) == json_tokener_success;
	/* A number at the very end could go on, so json-c waits for what follows. */
	if (json_tokener_get_error(tokener) == json_tokener_continue) {
		value = json_tokener_parse_ex(tokener, "", 1);
		ok = json_tokener_get_error(tokener) == json_tokener_success;
	}
	if (!ok) {
		json_object_put(value);
		err_set(e, ERR_FIELD, FAULT_SYNTAX->said,
		    "json-c refuses what the scanner took, %zu bytes", len);
		return NULL;
	}
	return value ? value : NULL_VALUE;
}

void
json_free(json *value)
{
	if (value != NULL_VALUE)
		json_object_put(value);
}

enum json_type_of
json_type(const json *value)
{
	if (!value || value == NULL_VALUE)
		return JSON_IS_NULL;
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return JSON_IS_BOOL;
	case json_type_int:
		return JSON_IS_INT;
	case json_type_double:
		return JSON_IS_DOUBLE;
	case json_type_string:
		return JSON_IS_TEXT;
	case json_type_array:
		return JSON_IS_LIST;
	case json_type_object:
		return JSON_IS_OBJECT;
	case json_type_null:
		break;
	}
	return JSON_IS_NULL;
}

json *
json_get(const json *object, const char *key)
{
	json *value;

	if (json_type(object) != JSON_IS_OBJECT || !json_object_object_get_ex(object, key, &value))
		return NULL;
	return value ? value : NULL_VALUE;
}

size_t
json_list_len(const json *list)
{
	return json_type(list) == JSON_IS_LIST ? json_object_array_length(list) : 0;
}

json *
json_list_at(const json *list, size_t i)
{
	json *value;

	if (i >= json_list_len(list))
		return NULL;
	value = json_object_array_get_idx(list, i);
	return value ? value : NULL_VALUE;
}

bool
json_as_text(const json *value, struct json_text *out)
{
	if (json_type(value) != JSON_IS_TEXT)
		return false;
	/* json-c takes a value that it may write into, but does not for a string. */
	out->s = json_object_get_string((json *)(uintptr_t)value);
	out->len = (size_t)json_object_get_string_len(value);
	return true;
}

bool
json_as_int(const json *value, int64_t *out)
{
	int64_t n;

	if (json_type(value) != JSON_IS_INT)
		return false;
	/* json-c clamps: what is over INT64_MAX is over it as unsigned; INT64_MIN is refused as unclear. */
	n = json_object_get_int64(value);
	if (n == INT64_MIN || (n == INT64_MAX && json_object_get_uint64(value) != INT64_MAX))
		return false;
	*out = n;
	return true;
}

bool
json_as_double(const json *value, double *out)
{
	enum json_type_of type = json_type(value);

	if (type != JSON_IS_INT && type != JSON_IS_DOUBLE)
		return false;
	*out = json_object_get_double(value);
	return true;
}

bool
json_as_bool(const json *value, bool *out)
{
	if (json_type(value) != JSON_IS_BOOL)
		return false;
	*out = json_object_get_boolean(value);
	return true;
}

/* ---- spans ---------------------------------------------------------------------------------- */

static bool
is_key(const struct json_span *key, const char *name)
{
	return compare_text(key->s, key->len, name, strlen(name)) == 0;
}

/* The scanner stands at an object; afterwards behind it. */
static void
find_in_item(struct scan *sc, const char *key, struct json_span *span)
{
	struct json_span name = {0};
	bool first = true;

	sc->p++;
	while (next_member(sc, &first, &name) == STEP_ITEM) {
		const char *from = sc->p;

		if (!scan_value(sc))
			return;
		if (is_key(&name, key))
			*span = (struct json_span){.s = from, .len = (size_t)(sc->p - from)};
	}
}

/* The scanner stands at the list. */
static void
find_in_list(struct scan *sc, const char *key, struct json_span *spans, size_t max)
{
	bool first = true;
	size_t i = 0;

	sc->p++;
	while (i < max && next_item(sc, ']', &first) == STEP_ITEM) {
		if (sc->p < sc->end && *sc->p == '{')
			find_in_item(sc, key, &spans[i]);
		else if (!scan_value(sc))
			return;
		i++;
	}
}

bool
json_spans(const char *text, size_t len, const char *list, const char *key, struct json_span *spans,
    size_t max)
{
	struct json_span name = {0};
	struct scan sc;
	bool first = true;

	memset(spans, 0, max * sizeof(*spans));
	scan_init(&sc, text, len, true);
	skip_space(&sc);
	if (!skip_char(&sc, '{'))
		return false;
	while (next_member(&sc, &first, &name) == STEP_ITEM) {
		if (is_key(&name, list)) {
			if (sc.p == sc.end || *sc.p != '[')
				return false;
			find_in_list(&sc, key, spans, max);
			return !sc.fault;
		}
		if (!scan_value(&sc))
			return false;
	}
	return false;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The escape of one byte that cannot stand as it is; its length. */
static size_t
escape(char out[6], unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c == 0 ? NULL : strchr(from, c);

	out[0] = '\\';
	if (found) {
		out[1] = to[found - from];
		return 2;
	}
	out[1] = 'u';
	out[2] = '0';
	out[3] = '0';
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

void
json_put_text(struct buf *b, const char *text, size_t len)
{
	const char *end = text + len, *run;
	char bytes[6];

	buf_putc(b, '"');
	for (;;) {
		run = plain_run(text, end);
		if (run > text)
			buf_put(b, text, (size_t)(run - text));
		if (run == end)
			break;
		buf_put(b, bytes, escape(bytes, (unsigned char)*run));
		text = run + 1;
	}
	buf_putc(b, '"');
}
