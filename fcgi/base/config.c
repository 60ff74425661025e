#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SECTION "tracker"
#define ENV_PREFIX "TRACKER_"
#define NAME_MAX_ 64 /* bytes of a setting's name, prefix and NUL included */

/* ---- one value ------------------------------------------------------------------------------ */

static void *
place(const struct config *c, const struct config_item *item)
{
	return (char *)c->settings + item->offset;
}

static size_t
index_of(const struct config *c, const struct config_item *item)
{
	return (size_t)(item - c->items);
}

static const struct config_item *
find_item(const struct config *c, const char *name)
{
	for (const struct config_item *item = c->items; item->name; item++)
		if (strcmp(item->name, name) == 0)
			return item;
	return NULL;
}

static bool
parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
			*out = strcasecmp(s, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* "90", "90s", "15m", "2h", "1d" */
static bool
parse_seconds(const char *s, int64_t *out)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t len = strlen(s);
	int64_t n, unit = 1;

	for (size_t i = 0; i < 4; i++) {
		if (len > 0 && s[len - 1] == units[i].letter) {
			unit = units[i].seconds;
			len--;
			break;
		}
	}
	if (!text_to_int(s, len, INT64_MIN / unit, INT64_MAX / unit, &n))
		return false;
	*out = n * unit;
	return true;
}

static bool
parse_number(const struct config_item *item, const char *s, int64_t *out)
{
	switch (item->type) {
	case CONFIG_SECONDS:
		return parse_seconds(s, out);
	case CONFIG_BYTES:
		return text_to_bytes(s, strlen(s), out);
	default:
		return text_to_int(s, strlen(s), INT64_MIN, INT64_MAX, out);
	}
}

static const char *
unit_of(const struct config_item *item)
{
	switch (item->type) {
	case CONFIG_SECONDS:
		return "a number of seconds (90, 15m, 2h, 1d)";
	case CONFIG_BYTES:
		return "a number of bytes (65536, 16M)";
	default:
		return "a number";
	}
}

static bool
set_number(const struct config *c, const struct config_item *item, const char *value,
    const char *origin, struct err *e)
{
	int64_t n;

	if (!parse_number(item, value, &n))
		return err_set(e, ERR_INPUT, NULL, "%s: %s is not %s: '%.40s'", origin, item->name,
		    unit_of(item), value);
	if (n < item->min || n > item->max)
		return err_set(e, ERR_INPUT, NULL,
		    "%s: %s must be between %lld and %lld, not '%.40s'", origin, item->name,
		    (long long)item->min, (long long)item->max, value);
	*(int64_t *)place(c, item) = n;
	return true;
}

static bool
set_bool(const struct config *c, const struct config_item *item, const char *value,
    const char *origin, struct err *e)
{
	if (parse_bool(value, place(c, item)))
		return true;
	return err_set(
	    e, ERR_INPUT, NULL, "%s: %s is yes or no, not '%.40s'", origin, item->name, value);
}

/* What is secret is not repeated in the error. */
static bool
set_text(struct config *c, const struct config_item *item, const char *value, const char *origin,
    struct err *e)
{
	size_t len = strlen(value);

	if (!text_is_utf8(value, len) || text_has_control(value, len))
		return err_set(e, ERR_INPUT, NULL, "%s: %s has control characters or is not UTF-8",
		    origin, item->name);
	if ((int64_t)len < item->min)
		return err_set(e, ERR_INPUT, NULL, "%s: %s may not be %s", origin, item->name,
		    len == 0 ? "empty" : "so short");
	if (item->max > 0 && (int64_t)len > item->max)
		return err_set(e, ERR_INPUT, NULL, "%s: %s is longer than %lld bytes", origin,
		    item->name, (long long)item->max);
	*(const char **)place(c, item) = arena_dup(&c->arena, value, len);
	return true;
}

static bool
set_item(struct config *c, const struct config_item *item, const char *value, const char *origin,
    struct err *e)
{
	bool ok;

	switch (item->type) {
	case CONFIG_TEXT:
		ok = set_text(c, item, value, origin, e);
		break;
	case CONFIG_BOOL:
		ok = set_bool(c, item, value, origin, e);
		break;
	default:
		ok = set_number(c, item, value, origin, e);
		break;
	}
	if (ok)
		c->origins[index_of(c, item)] = arena_dup(&c->arena, origin, strlen(origin));
	return ok;
}

bool
config_set(struct config *c, const char *name, const char *value, const char *origin, struct err *e)
{
	const struct config_item *item = find_item(c, name);

	if (!item)
		return err_set(e, ERR_INPUT, NULL, "%s: unknown setting '%.60s'", origin, name);
	return set_item(c, item, value, origin, e);
}

const char *
config_origin(const struct config *c, const char *name)
{
	const struct config_item *item = find_item(c, name);

	return item ? c->origins[index_of(c, item)] : "-";
}

bool
config_init(struct config *c, const struct config_item *items, void *settings, struct err *e)
{
	size_t n = 0;

	while (items[n].name)
		n++;
	*c = (struct config){.items = items, .settings = settings};
	arena_init(&c->arena);
	c->origins = arena_calloc(&c->arena, n + 1, sizeof(*c->origins));
	for (const struct config_item *item = items; item->name; item++)
		if (!set_item(c, item, item->preset, "default", e))
			return false;
	return true;
}

void
config_fini(struct config *c)
{
	arena_fini(&c->arena);
	*c = (struct config){0};
}

/* ---- file ----------------------------------------------------------------------------------- */

/* What inih's reader and handler share. inih counts lines, but tells the number only at the end. */
struct file_pass {
	struct config *c;
	FILE *file;
	const char *path;
	int line;     /* of the last one read */
	bool *seen;   /* by item: set by an earlier line */
	int bad_line; /* of the error in *e */
	struct err *e;
};

static const char *
file_origin(const struct file_pass *pass, char *out, size_t size)
{
	snprintf(out, size, "%s:%d", pass->path, pass->line);
	return out;
}

static void
bad_line(struct file_pass *pass, const char *why)
{
	if (pass->bad_line == 0)
		pass->bad_line = pass->line;
	err_set(pass->e, ERR_INPUT, NULL, "%s:%d: %s", pass->path, pass->line, why);
}

/*
 * One line without the blanks at its head (inih would take an indented line as the last value's
 * continuation). fgets would hand over a long line in pieces, and hide a NUL.
 */
static char *
read_line(char *out, int size, void *pass_)
{
	struct file_pass *pass = pass_;
	bool head = true;
	int n = 0, c;

	c = getc(pass->file);
	if (c == EOF)
		return NULL;
	pass->line++;
	for (; c != EOF && c != '\n'; c = getc(pass->file)) {
		if (head && (c == ' ' || c == '\t'))
			continue;
		head = false;
		if (c == '\0' || n >= size - 2) {
			bad_line(pass, c == '\0' ? "a NUL character" : "the line is too long");
			return NULL;
		}
		out[n++] = (char)c;
	}
	out[n++] = '\n';
	out[n] = '\0';
	return out;
}

static bool
take_line(struct file_pass *pass, const char *section, const char *name, const char *value)
{
	const struct config_item *item = find_item(pass->c, name);
	char origin[4096 + 16];

	if (strcmp(section, SECTION) != 0) {
		bad_line(pass,
		    *section ? "unknown section, only [" SECTION "] is known"
			     : "a setting before the line [" SECTION "]");
		return false;
	}
	file_origin(pass, origin, sizeof(origin));
	if (item && pass->seen[index_of(pass->c, item)])
		return err_set(pass->e, ERR_INPUT, NULL, "%s: %s is set twice", origin, name);
	if (item)
		pass->seen[index_of(pass->c, item)] = true;
	return config_set(pass->c, name, value, origin, pass->e);
}

static int
handle_line(void *pass_, const char *section, const char *name, const char *value)
{
	struct file_pass *pass = pass_;

	if (pass->bad_line > 0)
		return 0; /* the first error is the one that is told */
	if (take_line(pass, section, name, value))
		return 1;
	pass->bad_line = pass->line;
	return 0;
}

/* `found` is inih's: 0, the first line that it or we refused, or negative. */
static bool
end_pass(struct file_pass *pass, int found)
{
	if (pass->bad_line > 0 && (found <= 0 || found >= pass->bad_line))
		return false;
	if (found > 0) {
		err_clear(pass->e); /* of a later line */
		return err_set(
		    pass->e, ERR_INPUT, NULL, "%s:%d: expected 'name = value'", pass->path, found);
	}
	if (found < 0)
		return err_set(pass->e, ERR_INPUT, NULL, "%s: cannot be read", pass->path);
	return true;
}

bool
config_file(struct config *c, const char *path, bool must, struct err *e)
{
	struct file_pass pass = {.c = c, .path = path, .e = e};
	size_t n = 0;
	int found;

	pass.file = fopen(path, "re");
	if (!pass.file && errno == ENOENT && !must)
		return true;
	if (!pass.file)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	while (c->items[n].name)
		n++;
	pass.seen = arena_calloc(&c->arena, n + 1, sizeof(*pass.seen));
	found = ini_parse_stream(read_line, &pass, handle_line, &pass);
	if (ferror(pass.file))
		found = -1;
	fclose(pass.file);
	return end_pass(&pass, found);
}

/* ---- environment ---------------------------------------------------------------------------- */

bool
config_env(struct config *c, struct err *e)
{
	char variable[NAME_MAX_];
	const char *value;

	for (const struct config_item *item = c->items; item->name; item++) {
		int n = snprintf(variable, sizeof(variable), ENV_PREFIX "%s", item->name);

		for (int i = 0; i < n && i < NAME_MAX_ - 1; i++)
			variable[i] = (char)toupper((unsigned char)variable[i]);
		value = getenv(variable);
		if (value && !set_item(c, item, value, variable, e))
			return false;
	}
	return true;
}

/* ---- printing ------------------------------------------------------------------------------- */

#define MASK "********"

/* "scheme://user:PASSWORD@host": *len bytes from the answer on are the password; NULL when none. */
static const char *
find_uri_password(const char *s, size_t *len)
{
	const char *scheme = strstr(s, "://"), *user, *at, *colon;
	size_t authority;

	if (!scheme)
		return NULL;
	user = scheme + 3;
	authority = strcspn(user, "/?# ");
	at = memrchr(user, '@', authority);
	colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
	if (!colon)
		return NULL;
	*len = (size_t)(at - colon - 1);
	return colon + 1;
}

/* "password = 'x y'" or "?password=x&": from the value on, and how long it is. */
static const char *
find_named_password(const char *s, size_t *len)
{
	const char *p = strcasestr(s, "password");

	if (!p)
		return NULL;
	p += strlen("password");
	p += strspn(p, " ");
	if (*p != '=')
		return NULL;
	p++;
	p += strspn(p, " ");
	if (*p != '\'') {
		*len = strcspn(p, " &");
		return p;
	}
	for (*len = 1; p[*len] && p[*len] != '\''; ++*len)
		if (p[*len] == '\\' && p[*len + 1])
			++*len;
	*len += p[*len] == '\'';
	return p;
}

static void
print_masked(const char *s, FILE *to)
{
	const char *uri, *named, *secret;
	size_t uri_len = 0, named_len = 0, len;

	while (*s) {
		uri = find_uri_password(s, &uri_len);
		named = find_named_password(s, &named_len);
		secret = !uri || (named && named < uri) ? named : uri;
		if (!secret)
			break;
		len = secret == uri ? uri_len : named_len;
		fprintf(to, "%.*s" MASK, (int)(secret - s), s);
		s = secret + len;
	}
	fputs(s, to);
}

static void
print_bytes(int64_t n, FILE *to)
{
	static const char units[] = "KMGT";
	int unit = -1;

	while (n != 0 && n % 1024 == 0 && unit < 3) {
		n /= 1024;
		unit++;
	}
	if (unit < 0)
		fprintf(to, "%lld", (long long)n);
	else
		fprintf(to, "%lld%c", (long long)n, units[unit]);
}

static void
print_value(const struct config *c, const struct config_item *item, FILE *to, bool mask)
{
	const void *at = place(c, item);
	const char *text;

	switch (item->type) {
	case CONFIG_TEXT:
		text = *(const char *const *)at;
		if (!mask)
			fputs(text, to);
		else if (item->secret && *text)
			fputs(MASK, to);
		else
			print_masked(text, to);
		break;
	case CONFIG_BOOL:
		fputs(*(const bool *)at ? "yes" : "no", to);
		break;
	case CONFIG_BYTES:
		print_bytes(*(const int64_t *)at, to);
		break;
	default:
		fprintf(to, "%lld", (long long)*(const int64_t *)at);
		break;
	}
}

void
config_print(const struct config *c, FILE *to, bool mask)
{
	fputs("[" SECTION "]\n", to);
	for (const struct config_item *item = c->items; item->name; item++) {
		fprintf(to, "%s = ", item->name);
		print_value(c, item, to, mask);
		putc('\n', to);
	}
}

void
config_sample(const struct config_item *items, FILE *to)
{
	fputs("# Every setting with its default. Take the # away in front of a name to change it.\n"
	      "# A line may be 197 characters long; what follows a blank and a semicolon is a "
	      "comment.\n"
	      "# Order: default, this file, environment (" ENV_PREFIX "NAME), flags (--name).\n"
	      "\n[" SECTION "]\n",
	    to);
	for (const struct config_item *item = items; item->name; item++)
		fprintf(to, "\n# %s\n#%s =%s%s\n", item->help, item->name, *item->preset ? " " : "",
		    item->preset);
}

/* A bar would end the cell. */
static void
print_cell(const char *s, FILE *to)
{
	for (; *s; s++) {
		if (*s == '|')
			putc('\\', to);
		putc(*s, to);
	}
}

void
config_markdown(const struct config_item *items, FILE *to)
{
	fputs("| setting | default | what it is |\n|---|---|---|\n", to);
	for (const struct config_item *item = items; item->name; item++) {
		fprintf(to, "| `%s` | ", item->name);
		if (*item->preset) {
			putc('`', to);
			print_cell(item->preset, to);
			putc('`', to);
		}
		fputs(" | ", to);
		print_cell(item->help, to);
		fputs(" |\n", to);
	}
}
