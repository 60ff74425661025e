#include "base/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct scan_fault faults[] = {
    {"The body is not valid JSON.", "not JSON"},
    {"The body is not valid UTF-8.", "not UTF-8"},
    {"The body must be a JSON object.", "not an object"},
    {"The JSON has the same key twice in one object.", "a key comes twice in an object"},
    {"The JSON is nested too deeply.", "nested deeper than 64"},
    {"The JSON has NaN or Infinity, which are no numbers of JSON.", "NaN or Infinity"},
    {"The JSON has a NUL character in a string.", "a NUL in a string"},
    {"The JSON has half of a surrogate pair in a string.", "half of a surrogate pair in a string"},
    {"The JSON has too many keys.", "no memory for the keys"},
    {"The body is not valid JSON.", "longer than 2 GiB"},
};
_Static_assert(JSON_DEPTH == 64, "a fault tells it");

#define FAULT_SYNTAX (&faults[0])
#define FAULT_UTF8 (&faults[1])
#define FAULT_OBJECT (&faults[2])
#define FAULT_TWICE (&faults[3])
#define FAULT_DEPTH (&faults[4])
#define FAULT_NAN (&faults[5])
#define FAULT_NUL (&faults[6])
#define FAULT_LONE (&faults[7])
#define FAULT_MEMORY (&faults[8])
#define FAULT_LENGTH (&faults[9])

#define KEYS_FEW 32     /* keys that need no memory of their own */
#define KEYS_PAIRWISE 8 /* up to here, comparing all pairs is quicker than sorting */
#define KEYS_MANY 1024  /* from here on they are looked at each time that they have doubled */

/* A key may be as short as three bytes: what is noted of it must not be much more. */
struct key {
	uint32_t hash; /* of the decoded characters */
	uint32_t at;   /* where it begins, behind the quote */
};

struct scan {
	const char *text, *p, *end;
	const struct scan_fault *fault; /* NULL = none yet */
	int depth, most_depth;
	bool seen_before; /* the text was scanned already: keys are known to differ */
	bool lenient;     /* what one value can be blamed for is a doubt, no fault */
	bool doubtful;    /* there was one */
	struct key few[KEYS_FEW];
	struct key *keys; /* of all the objects that are open, the outermost first */
	size_t n_keys, size;
	size_t first_key
	    [JSON_DEPTH_AROUND]; /* of each object that is open, by depth; lists have none */
};

static void
scan_init(struct scan *sc, const char *text, size_t len, int most_depth)
{
	sc->text = sc->p = text;
	sc->end = text + len;
	sc->fault = NULL;
	sc->depth = 0;
	sc->most_depth = most_depth;
	sc->seen_before = sc->lenient = sc->doubtful = false;
	sc->keys = sc->few;
	sc->n_keys = 0;
	sc->size = KEYS_FEW;
}

/* To walk once more over what was found good enough. */
static void
walk_init(struct scan *sc, const struct json_span *span)
{
	scan_init(sc, span->s, span->len, JSON_DEPTH_AROUND);
	sc->seen_before = sc->lenient = true;
	sc->depth = 2; /* below the outermost object */
}

static void
scan_fini(struct scan *sc)
{
	if (sc->keys != sc->few)
		free(sc->keys);
}

static bool
fault(struct scan *sc, const struct scan_fault *what)
{
	if (!sc->fault)
		sc->fault = what;
	return false;
}

/* A fault of which one value can be blamed alone. */
static bool
doubt(struct scan *sc, const struct scan_fault *what)
{
	if (!sc->lenient)
		return fault(sc, what);
	sc->doubtful = true;
	return true;
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
 * Eight bytes at a time: (x - 0x01…) & ~x & 0x80… marks a zero byte (exact for the lowest one that it
 * marks, and that a word has one at all is all that is asked here), with 0x20 for bytes below 0x20.
 */
const char *
scan_plain_run(const char *s, const char *end)
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
		int digit = text_hex_digit(s[i]);

		if (digit < 0)
			return -1;
		n = n << 4 | digit;
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
	if (unit == 0 && !doubt(sc, FAULT_NUL))
		return false;
	sc->p += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit > 0xdbff || sc->end - sc->p < 2 || sc->p[0] != '\\' || sc->p[1] != 'u')
		return doubt(sc, FAULT_LONE);
	low = hex4(sc->p + 2, sc->end);
	if (low < 0)
		return fault(sc, FAULT_SYNTAX);
	if (low < 0xdc00 || low > 0xdfff)
		return doubt(sc, FAULT_LONE);
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
		sc->p = scan_plain_run(sc->p, sc->end);
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
scan_word(struct scan *sc, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(sc->end - sc->p) < len || memcmp(sc->p, word, len) != 0)
		return fault(sc, FAULT_SYNTAX);
	sc->p += len;
	return true;
}

/* What other writers of numbers put, and JSON has not. */
static bool
scan_no_number(struct scan *sc, const char *word)
{
	const char *from = sc->p;

	if (!scan_word(sc, word))
		return false;
	if (doubt(sc, FAULT_NAN))
		return true;
	sc->p = from;
	return false;
}

static bool
scan_number(struct scan *sc)
{
	if (skip_char(sc, '-') && sc->p < sc->end && *sc->p == 'I')
		return scan_no_number(sc, "Infinity");
	if (!skip_char(sc, '0') && !scan_digits(sc))
		return false;
	if (skip_char(sc, '.') && !scan_digits(sc))
		return false;
	if (skip_char(sc, 'e') || skip_char(sc, 'E')) {
		if (!skip_char(sc, '+'))
			if (skip_char(sc, '-') && sc->p < sc->end && *sc->p == 'I')
				return scan_word(sc, "Infinity") && doubt(sc, FAULT_NAN);
		return scan_digits(sc);
	}
	return true;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* A string that was scanned, from behind its quote on, escapes decoded; so "a" and "\u0061" are one key. */
struct letters {
	const char *p, *end; /* it ends at its quote, or here */
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

/* Behind "\u", of a string that was scanned; half a pair stands for itself. */
static uint32_t
decode_unicode(struct letters *l)
{
	uint32_t c = (uint32_t)hex4(l->p, l->end), low;

	l->p += 4;
	if (c >= 0xd800 && c <= 0xdbff && l->end - l->p >= 2 && l->p[0] == '\\' && l->p[1] == 'u') {
		low = (uint32_t)hex4(l->p + 2, l->end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			l->p += 6;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
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

	if (l->p == l->end || *l->p == '"')
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
compare_text(struct letters a, struct letters b)
{
	uint32_t left_a = 0, left_b = 0;
	int ca, cb;

	do {
		ca = next_decoded(&a, &left_a);
		cb = next_decoded(&b, &left_b);
	} while (ca == cb && ca != 0);
	return (ca > cb) - (ca < cb);
}

static struct letters
letters_of(const struct scan *sc, const struct key *key)
{
	return (struct letters){sc->text + key->at, sc->end};
}

static int
compare_keys(const struct scan *sc, const struct key *a, const struct key *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return compare_text(letters_of(sc, a), letters_of(sc, b));
}

/* FNV-1a, its halves folded. */
static uint32_t
hash_key(const struct json_span *key)
{
	struct letters l = {key->s, key->s + key->len};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint32_t left = 0;
	int c;

	while ((c = next_decoded(&l, &left)) != 0)
		hash = (hash ^ (uint64_t)c) * UINT64_C(0x100000001b3);
	return (uint32_t)(hash ^ hash >> 32);
}

static void
sift_down(const struct scan *sc, struct key *keys, size_t at, size_t n)
{
	struct key moving = keys[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && compare_keys(sc, &keys[child], &keys[child + 1]) < 0)
			child++;
		if (compare_keys(sc, &moving, &keys[child]) >= 0)
			break;
		keys[at] = keys[child];
		at = child;
	}
	keys[at] = moving;
}

/* A heap sort: qsort takes as much memory again, and no sender chooses how long this one takes. */
static void
sort_keys(const struct scan *sc, struct key *keys, size_t n)
{
	for (size_t i = n / 2; i > 0; i--)
		sift_down(sc, keys, i - 1, n);
	for (size_t i = n; i > 1; i--) {
		struct key most = keys[0];

		keys[0] = keys[i - 1];
		keys[i - 1] = most;
		sift_down(sc, keys, 0, i - 1);
	}
}

static bool
keys_differ(struct scan *sc, struct key *keys, size_t n)
{
	if (n <= KEYS_PAIRWISE) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (compare_keys(sc, &keys[i], &keys[j]) == 0)
					return false;
		return true;
	}
	sort_keys(sc, keys, n);
	for (size_t i = 1; i < n; i++)
		if (compare_keys(sc, &keys[i - 1], &keys[i]) == 0)
			return false;
	return true;
}

/* One key over and over is found out here, before the keys take more memory than the text. */
static bool
all_keys_differ(struct scan *sc)
{
	size_t end = sc->n_keys;

	for (int i = sc->depth - 1; i >= 0; i--) {
		size_t first = sc->first_key[i];

		if (!keys_differ(sc, sc->keys + first, end - first))
			return false;
		end = first;
	}
	return true;
}

static bool
more_room(struct scan *sc)
{
	struct key *old = sc->keys == sc->few ? NULL : sc->keys;
	struct key *more = realloc(old, 2 * sc->size * sizeof(*more));

	if (!more)
		return fault(sc, FAULT_MEMORY);
	if (!old)
		memcpy(more, sc->few, sizeof(sc->few));
	sc->keys = more;
	sc->size *= 2;
	return true;
}

static bool
note_key(struct scan *sc, const struct json_span *key)
{
	/* What is doubtful is looked at value by value; only the outermost keys matter still. */
	if (sc->doubtful && sc->depth > 1)
		return true;
	if (sc->n_keys == sc->size) {
		if (sc->size >= KEYS_MANY && !all_keys_differ(sc))
			return doubt(sc, FAULT_TWICE);
		if (!more_room(sc))
			return false;
	}
	sc->keys[sc->n_keys++] = (struct key){hash_key(key), (uint32_t)(key->s - sc->text)};
	return true;
}

/* The object that is open ends; its keys are forgotten. */
static bool
end_keys(struct scan *sc)
{
	size_t first = sc->first_key[sc->depth - 1], n = sc->n_keys - first;

	sc->n_keys = first;
	return keys_differ(sc, sc->keys + first, n) || doubt(sc, FAULT_TWICE);
}

static bool
is_key(const struct json_span *key, const char *name)
{
	size_t len = strlen(name);

	if (key->len == len && memcmp(key->s, name, len) == 0)
		return true;
	return memchr(key->s, '\\', key->len) &&
	    compare_text((struct letters){key->s, key->s + key->len},
		(struct letters){name, name + len}) == 0;
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

static struct scan_field *
find_field(struct scan_field *fields, size_t n, const struct json_span *key)
{
	for (size_t i = 0; i < n; i++)
		if (is_key(key, fields[i].name))
			return &fields[i];
	return NULL;
}

/* The value of a member of the outermost object. */
static bool
scan_outermost(struct scan *sc, struct scan_field *field)
{
	bool ok;

	sc->lenient = field && field->lenient;
	sc->doubtful = false;
	ok = scan_value(sc);
	if (field)
		field->doubtful = sc->doubtful;
	sc->lenient = sc->doubtful = false;
	return ok;
}

static bool
scan_object(struct scan *sc, struct scan_field *fields, size_t n)
{
	struct json_span key = {0};
	bool first = true;
	enum step step;

	sc->p++;
	while ((step = next_member(sc, &first, &key)) == STEP_ITEM) {
		struct scan_field *field = find_field(fields, n, &key);
		const char *from = sc->p;

		if (!sc->seen_before && !note_key(sc, &key))
			return false;
		if (sc->depth == 1 ? !scan_outermost(sc, field) : !scan_value(sc))
			return false;
		if (field)
			field->value = (struct json_span){from, (size_t)(sc->p - from)};
	}
	return step == STEP_END && (sc->seen_before || end_keys(sc));
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

/* To the end of a list or object that is nested too deeply to be looked at. */
static bool
skip_deep(struct scan *sc)
{
	struct json_span ignored;
	size_t open = 0;

	while (sc->p < sc->end) {
		char c = *sc->p;

		if (c == '"') {
			if (!scan_string(sc, &ignored))
				return false;
			continue;
		}
		sc->p++;
		if (c == '[' || c == '{')
			open++;
		else if ((c == ']' || c == '}') && --open == 0)
			return true;
	}
	return fault(sc, FAULT_SYNTAX);
}

static bool
scan_container(struct scan *sc, struct scan_field *fields, size_t n)
{
	bool ok;

	if (sc->depth == sc->most_depth)
		return doubt(sc, FAULT_DEPTH) && skip_deep(sc);
	sc->first_key[sc->depth++] = sc->n_keys;
	ok = *sc->p == '{' ? scan_object(sc, fields, n) : scan_list(sc);
	sc->depth--;
	return ok;
}

static bool
scan_value(struct scan *sc)
{
	struct json_span ignored;

	if (sc->p == sc->end)
		return fault(sc, FAULT_SYNTAX);
	switch (*sc->p) {
	case '{':
	case '[':
		return scan_container(sc, NULL, 0);
	case '"':
		return scan_string(sc, &ignored);
	case 't':
		return scan_word(sc, "true");
	case 'f':
		return scan_word(sc, "false");
	case 'n':
		return scan_word(sc, "null");
	case 'N':
		return scan_no_number(sc, "NaN");
	case 'I':
		return scan_no_number(sc, "Infinity");
	default:
		return scan_number(sc);
	}
}

/* A whole text: one value, and nothing else; an object, where fields are looked for. */
static const struct scan_fault *
scan_text(struct scan *sc, struct scan_field *fields, size_t n)
{
	bool object;

	if ((size_t)(sc->end - sc->text) > INT32_MAX)
		return FAULT_LENGTH; /* over a place in struct key; body_limit is less */
	if (!text_is_utf8(sc->text, (size_t)(sc->end - sc->text)))
		return FAULT_UTF8;
	skip_space(sc);
	object = sc->p < sc->end && *sc->p == '{';
	if (object ? scan_container(sc, fields, n) : scan_value(sc)) {
		skip_space(sc);
		if (sc->p != sc->end)
			fault(sc, FAULT_SYNTAX);
		else if (fields && !object)
			fault(sc, FAULT_OBJECT);
	}
	scan_fini(sc);
	return sc->fault;
}

const struct scan_fault *
scan_fault(const char *text, size_t len, int depth, size_t *at)
{
	struct scan sc;
	const struct scan_fault *what;

	scan_init(&sc, text, len, depth);
	what = scan_text(&sc, NULL, 0);
	*at = (size_t)(sc.p - text);
	return what;
}

static bool
refuse(const struct scan_fault *what, size_t at, size_t len, struct err *e)
{
	if (what == FAULT_UTF8 || what == FAULT_LENGTH) /* the text was looked at as a whole */
		return err_set(e, ERR_FIELD, what->said, "%s", what->why);
	return err_set(e, ERR_FIELD, what->said, "%s, at byte %zu of %zu", what->why, at, len);
}

bool
scan_check(const char *text, size_t len, int depth, struct err *e)
{
	size_t at;
	const struct scan_fault *what = scan_fault(text, len, depth, &at);

	return !what || refuse(what, at, len, e);
}

bool
scan_fields(const char *text, size_t len, struct scan_field *fields, size_t n, struct err *e)
{
	struct scan sc;
	const struct scan_fault *what;

	scan_init(&sc, text, len, JSON_DEPTH_AROUND);
	what = scan_text(&sc, fields, n);
	return !what || refuse(what, (size_t)(sc.p - text), len, e);
}

/* ---- walking over what was looked at ---------------------------------------------------------- */

bool
scan_members(struct json_span object, struct scan_field *fields, size_t n)
{
	struct scan sc;

	walk_init(&sc, &object);
	skip_space(&sc);
	return sc.p < sc.end && *sc.p == '{' && scan_object(&sc, fields, n);
}

bool
scan_is_list(struct json_span value)
{
	return value.len > 0 && *value.s == '[';
}

bool
scan_next(struct json_span *rest, struct json_span *item)
{
	struct scan sc;

	walk_init(&sc, rest);
	if (!skip_char(&sc, '[') && !skip_char(&sc, ','))
		return false;
	skip_space(&sc);
	item->s = sc.p;
	if (skip_char(&sc, ']') || !scan_value(&sc))
		return false;
	item->len = (size_t)(sc.p - item->s);
	skip_space(&sc);
	*rest = (struct json_span){sc.p, (size_t)(sc.end - sc.p)};
	return true;
}

size_t
scan_count(struct json_span list, size_t most)
{
	struct json_span item;
	size_t n = 0;

	while (n <= most && scan_next(&list, &item))
		n++;
	return n;
}

/* ---- single values ----------------------------------------------------------------------------- */

bool
scan_as_int(struct json_span value, int64_t *out)
{
	return value.len > 0 && text_to_int(value.s, value.len, INT64_MIN, INT64_MAX, out);
}

/* One escape, from its backslash on; the bytes that it stands for, 0 when it is no text. */
static size_t
decode_escape(struct letters *l, char out[4])
{
	uint32_t bytes = next_letter(l);
	size_t n = 0;

	/* A surrogate by itself, as UTF-8 would write it: 0xed, 0xa0 to 0xbf. */
	if ((bytes & 0xe0ff) == 0xa0ed)
		return 0;
	for (; bytes != 0; bytes >>= 8)
		out[n++] = (char)(bytes & 0xff);
	return n;
}

bool
scan_as_text(struct json_span value, char *room, struct json_text *out)
{
	char *to = room + 1, bytes[4];
	struct letters l;
	size_t n;

	if (value.len < 2 || *value.s != '"')
		return false;
	l = (struct letters){value.s + 1, value.s + value.len - 1};
	for (;;) {
		const char *stop = memchr(l.p, '\\', (size_t)(l.end - l.p));

		n = (size_t)((stop ? stop : l.end) - l.p);
		if (to != l.p)
			memmove(to, l.p, n);
		to += n;
		l.p += n;
		if (!stop)
			break;
		n = decode_escape(&l, bytes);
		if (n == 0)
			return false;
		memcpy(to, bytes, n);
		to += n;
	}
	*to = '\0';
	*out = (struct json_text){room + 1, (size_t)(to - room - 1)};
	return true;
}
