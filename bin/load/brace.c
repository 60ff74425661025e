#include "load/brace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, RANGE, CHOICE };

struct brace_node {
	struct brace_node *next, *prev;
	enum kind kind;
	/* TEXT */
	const char *s;
	size_t len;
	/* RANGE: first, first +- step, ...; `now` counts the steps taken */
	int64_t first;
	uint64_t step, steps, now;
	bool down, letters;
	int width; /* zero padded to this; 0 = not */
	/* CHOICE */
	struct brace_word *words;
	size_t n_words, word;
};

/* A run of nodes, joined. */
struct brace_word {
	struct brace_node *first, *last;
};

/* What is being read, and where its parts come from. */
struct parse {
	struct arena *arena;
	struct err *e;
	int depth;
};

static bool parse_word(struct parse *p, const char *s, size_t n, struct brace_word *w);

/* ---- finding braces -------------------------------------------------------------------------- */

/* Bytes that the character at i takes, with its backslash. */
static size_t
char_at(const char *s, size_t n, size_t i)
{
	return s[i] == '\\' && i + 1 < n ? 2 : 1;
}

/* Where the brace that was opened just before s closes, if it has a separator on its level. */
static bool
find_close(const char *s, size_t n, size_t *close)
{
	size_t level = 0, separators = 0;

	for (size_t i = 0; i < n; i += char_at(s, n, i)) {
		if (s[i] == '}' && level == 0 && separators > 0) {
			*close = i;
			return true;
		}
		if (s[i] == '{')
			level++;
		else if (s[i] == '}' && level > 0)
			level--;
		else if (level == 0 && s[i] == ',')
			separators++;
		else if (level == 0 && i + 2 < n && s[i] == '.' && s[i + 1] == '.' &&
		    s[i + 2] != '}')
			separators++;
	}
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* bash leaves `{}` and `{ ` at the start of a word alone (find -exec, and shell blocks). */
static bool
is_bare(const char *s, size_t n, size_t i)
{
	return (i == 0 || is_blank(s[i - 1])) &&
	    (i + 1 < n && (is_blank(s[i + 1]) || s[i + 1] == '}'));
}

/* The first brace of s that can be expanded: s[*open] and s[*close]. */
static bool
find_group(const char *s, size_t n, size_t *open, size_t *close)
{
	size_t inside;

	for (size_t i = 0; i < n; i += char_at(s, n, i)) {
		if (s[i] != '{' || is_bare(s, n, i) || !find_close(s + i + 1, n - i - 1, &inside))
			continue;
		*open = i;
		*close = i + 1 + inside;
		return true;
	}
	return false;
}

/* A comma on any level makes it a choice. */
static bool
has_comma(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i += char_at(s, n, i))
		if (s[i] == ',')
			return true;
	return false;
}

/* Length of what comes before the next comma of this level. */
static size_t
choice_len(const char *s, size_t n)
{
	size_t level = 0, i;

	for (i = 0; i < n; i += char_at(s, n, i)) {
		if (s[i] == ',' && level == 0)
			return i;
		if (s[i] == '{')
			level++;
		else if (s[i] == '}' && level > 0)
			level--;
	}
	return n;
}

/* ---- building the tree ----------------------------------------------------------------------- */

static struct brace_node *
add_node(struct parse *p, struct brace_word *w, enum kind kind)
{
	struct brace_node *node = arena_calloc(p->arena, 1, sizeof(*node));

	node->kind = kind;
	node->prev = w->last;
	if (w->last)
		w->last->next = node;
	else
		w->first = node;
	w->last = node;
	return node;
}

/* Plain text, its backslashes taken away. */
static void
add_text(struct parse *p, struct brace_word *w, const char *s, size_t n)
{
	char *out = arena_alloc(p->arena, n + 1);
	size_t len = 0, i = 0;
	struct brace_node *node;

	while (i < n) {
		size_t step = char_at(s, n, i);

		out[len++] = s[i + step - 1];
		i += step;
	}
	node = add_node(p, w, TEXT);
	node->s = out;
	node->len = len;
}

static bool
add_choice(struct parse *p, struct brace_word *w, const char *s, size_t n)
{
	struct brace_node *node = add_node(p, w, CHOICE);
	size_t most = 1, at = 0;

	for (size_t i = 0; i < n; i++)
		most += s[i] == ',';
	node->words = arena_calloc(p->arena, most, sizeof(*node->words));
	for (;;) {
		size_t len = choice_len(s + at, n - at);

		if (!parse_word(p, s + at, len, &node->words[node->n_words++]))
			return false;
		at += len + 1;
		if (at > n)
			return true;
	}
}

/* ---- sequences ------------------------------------------------------------------------------- */

struct range_end {
	int64_t value;
	size_t len;
	bool letter;
};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A decimal number with an optional sign; *end is what comes after it. */
static bool
read_number(const char *s, int64_t *value, const char **end)
{
	const char *digits = s + (*s == '-' || *s == '+');
	char *after;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*value = strtoimax(s, &after, 10);
	*end = after;
	return errno == 0;
}

/* A letter or a number; *end is what comes after it. */
static bool
read_end(const char *s, struct range_end *out, const char **end)
{
	out->letter = is_letter(*s);
	if (out->letter) {
		out->value = (unsigned char)*s;
		*end = s + 1;
	} else if (!read_number(s, &out->value, end)) {
		return false;
	}
	out->len = (size_t)(*end - s);
	return true;
}

/* "first..last" or "first..last..step", the whole of s. */
static bool
read_range(const char *s, struct range_end *first, struct range_end *last, int64_t *step)
{
	const char *at;

	*step = 1;
	if (!read_end(s, first, &at) || strncmp(at, "..", 2) != 0)
		return false;
	if (!read_end(at + 2, last, &at) || first->letter != last->letter)
		return false;
	if (*at == '\0')
		return true;
	return strncmp(at, "..", 2) == 0 && read_number(at + 2, step, &at) && *at == '\0';
}

/* 05 and -05 ask for padding; 0 and -0 do not. */
static bool
is_padded(const char *s, size_t len)
{
	return (len > 1 && s[0] == '0') || (len > 2 && s[0] == '-' && s[1] == '0');
}

/* All terms as wide as the wider end, when either end begins with a zero. */
static int
range_width(const char *s, const struct range_end *first, const struct range_end *last)
{
	const char *second = s + first->len + 2;

	if (first->letter || (!is_padded(s, first->len) && !is_padded(second, last->len)))
		return 0;
	return (int)(first->len > last->len ? first->len : last->len);
}

static uint64_t
magnitude(int64_t n)
{
	return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

/* False when s is no sequence, or one whose ends are too far apart for 63 bits. */
static bool
add_range(struct parse *p, struct brace_word *w, const char *text, size_t n)
{
	const char *s = arena_dup(p->arena, text, n);
	struct range_end first, last;
	int64_t step, distance;
	struct brace_node *node;

	if (strlen(s) != n || !read_range(s, &first, &last, &step) ||
	    __builtin_sub_overflow(last.value, first.value, &distance))
		return false;
	node = add_node(p, w, RANGE);
	node->first = first.value;
	node->letters = first.letter;
	node->down = distance < 0;
	node->step = step == 0 ? 1 : magnitude(step);
	node->steps = magnitude(distance) / node->step;
	node->width = range_width(s, &first, &last);
	return true;
}

/* ---- a word ---------------------------------------------------------------------------------- */

/* s[0] is the opening brace and s[n - 1] the closing one. */
static bool
add_group(struct parse *p, struct brace_word *w, const char *s, size_t n)
{
	if (has_comma(s + 1, n - 2))
		return add_choice(p, w, s + 1, n - 2);
	if (!add_range(p, w, s + 1, n - 2))
		add_text(p, w, s, n);
	return true;
}

static bool
parse_parts(struct parse *p, const char *s, size_t n, struct brace_word *w)
{
	size_t at = 0, open, close;

	while (find_group(s + at, n - at, &open, &close)) {
		add_text(p, w, s + at, open);
		if (!add_group(p, w, s + at + open, close - open + 1))
			return false;
		at += close + 1;
	}
	add_text(p, w, s + at, n - at);
	return true;
}

static bool
parse_word(struct parse *p, const char *s, size_t n, struct brace_word *w)
{
	bool ok;

	if (p->depth == BRACE_DEPTH)
		return err_set(p->e, ERR_INPUT, NULL, "braces nested deeper than %d", BRACE_DEPTH);
	p->depth++;
	ok = parse_parts(p, s, n, w);
	p->depth--;
	return ok;
}

bool
brace_open(struct brace *b, const char *pattern, size_t len, struct err *e)
{
	struct parse p = {.arena = &b->arena, .e = e, .depth = 0};

	arena_init(&b->arena);
	buf_init(&b->word, 0);
	b->started = false;
	b->root = arena_calloc(&b->arena, 1, sizeof(*b->root));
	if (len > BRACE_MAX)
		return err_set(
		    e, ERR_INPUT, NULL, "the pattern is longer than %d bytes", BRACE_MAX);
	return parse_word(&p, pattern, len, b->root);
}

void
brace_close(struct brace *b)
{
	buf_fini(&b->word);
	arena_fini(&b->arena);
	b->root = NULL;
}

/* ---- the wheels ------------------------------------------------------------------------------ */

static bool word_step(struct brace_word *w);

static bool
range_step(struct brace_node *node)
{
	if (node->now == node->steps) {
		node->now = 0;
		return false;
	}
	node->now++;
	return true;
}

static bool
choice_step(struct brace_node *node)
{
	if (word_step(&node->words[node->word]))
		return true;
	node->word++;
	if (node->word < node->n_words)
		return true;
	node->word = 0;
	return false;
}

/* Turns a wheel on; false when it came round and stands at its start again. */
static bool
node_step(struct brace_node *node)
{
	switch (node->kind) {
	case RANGE:
		return range_step(node);
	case CHOICE:
		return choice_step(node);
	case TEXT:
		break;
	}
	return false;
}

static bool
word_step(struct brace_word *w)
{
	for (struct brace_node *node = w->last; node; node = node->prev)
		if (node_step(node))
			return true;
	return false;
}

static void
put_range(struct buf *out, const struct brace_node *node)
{
	uint64_t moved = node->now * node->step;
	uint64_t value = (uint64_t)node->first + (node->down ? 0 - moved : moved);

	if (node->letters)
		buf_putc(out, (char)value);
	else if (node->width > 0)
		buf_printf(out, "%0*" PRId64, node->width, (int64_t)value);
	else
		buf_put_int(out, (int64_t)value);
}

static void
put_word(struct buf *out, const struct brace_word *w)
{
	for (const struct brace_node *node = w->first; node; node = node->next) {
		if (node->kind == TEXT)
			buf_put(out, node->s, node->len);
		else if (node->kind == RANGE)
			put_range(out, node);
		else
			put_word(out, &node->words[node->word]);
	}
}

bool
brace_next(struct brace *b, const char **word, size_t *len)
{
	do {
		if (b->started && !word_step(b->root))
			return false;
		b->started = true;
		buf_clear(&b->word);
		put_word(&b->word, b->root);
		if (b->word.failed)
			abort();
	} while (b->word.len == 0);
	*word = b->word.data;
	*len = b->word.len;
	return true;
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint64_t word_count(const struct brace_word *w);

static uint64_t
node_count(const struct brace_node *node)
{
	uint64_t sum = 0;

	if (node->kind == TEXT)
		return 1;
	if (node->kind == RANGE)
		return node->steps == UINT64_MAX ? UINT64_MAX : node->steps + 1;
	for (size_t i = 0; i < node->n_words; i++)
		if (__builtin_add_overflow(sum, word_count(&node->words[i]), &sum))
			return UINT64_MAX;
	return sum;
}

static uint64_t
word_count(const struct brace_word *w)
{
	uint64_t product = 1;

	for (const struct brace_node *node = w->first; node; node = node->next)
		if (__builtin_mul_overflow(product, node_count(node), &product))
			return UINT64_MAX;
	return product;
}

uint64_t
brace_count(const struct brace *b)
{
	return word_count(b->root);
}
