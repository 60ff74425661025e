#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SECTION "tracker"
#define ENV_PREFIX "TRACKER_"
#define NAME_MAX_ 64 /* bytes of a setting's name, prefix and NUL included */

/* ---- one value ------------------------------------------------------------------------------ */

static void *
value_of(const struct config *c, const struct config_item *item)
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

static bool
parse_number(const struct config_item *item, const char *s, int64_t *out)
{
	switch (item->type) {
	case CONFIG_SECONDS:
		return text_to_seconds(s, strlen(s), out);
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
	*(int64_t *)value_of(c, item) = n;
	return true;
}

static bool
set_bool(const struct config *c, const struct config_item *item, const char *value,
    const char *origin, struct err *e)
{
	if (parse_bool(value, value_of(c, item)))
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
	*(const char **)value_of(c, item) = arena_dup(&c->arena, value, len);
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

/* A file being read: its line, and what earlier lines set. */
struct file_pass {
	struct config *c;
	const char *path;
	int line;
	bool begun; /* the line [tracker] was there */
	bool *seen; /* by item: set by an earlier line */
	struct err *e;
};

static bool
bad_line(struct file_pass *pass, const char *why)
{
	return err_set(pass->e, ERR_INPUT, NULL, "%s:%d: %s", pass->path, pass->line, why);
}

/* What follows a blank and a semicolon is a comment. */
static void
cut_comment(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == ';' && p > s && text_is_space(p[-1])) {
			*p = '\0';
			return;
		}
}

static bool
take_section(struct file_pass *pass, const char *line)
{
	pass->begun = strcmp(line, "[" SECTION "]") == 0;
	return pass->begun || bad_line(pass, "unknown section, only [" SECTION "] is known");
}

static bool
take_setting(struct file_pass *pass, const char *name, const char *value)
{
	const struct config_item *item = find_item(pass->c, name);
	char origin[4096 + 16];

	if (!pass->begun)
		return bad_line(pass, "a setting before the line [" SECTION "]");
	snprintf(origin, sizeof(origin), "%s:%d", pass->path, pass->line);
	if (item && pass->seen[index_of(pass->c, item)])
		return err_set(pass->e, ERR_INPUT, NULL, "%s: %s is set twice", origin, name);
	if (item)
		pass->seen[index_of(pass->c, item)] = true;
	return config_set(pass->c, name, value, origin, pass->e);
}

static bool
take_line(struct file_pass *pass, char *line, size_t len)
{
	char *equals;

	if (strlen(line) != len)
		return bad_line(pass, "a NUL character");
	cut_comment(line);
	line = text_trim(line);
	if (*line == '\0' || *line == '#' || *line == ';')
		return true;
	if (*line == '[')
		return take_section(pass, line);
	equals = strpbrk(line, "=:");
	if (!equals)
		return bad_line(pass, "expected 'name = value'");
	*equals = '\0';
	return take_setting(pass, text_trim(line), text_trim(equals + 1));
}

/* A byte order mark, as some editors write it. */
static size_t
mark_len(const struct file_pass *pass, const char *line)
{
	return pass->line == 1 && text_starts(line, "\xEF\xBB\xBF") ? 3 : 0;
}

static bool
read_lines(struct file_pass *pass, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool ok = true;

	while (ok && (len = getline(&line, &size, file)) >= 0) {
		size_t skip;

		pass->line++;
		skip = mark_len(pass, line);
		ok = take_line(pass, line + skip, (size_t)len - skip);
	}
	free(line);
	if (ok && ferror(file))
		return err_set(pass->e, ERR_INPUT, NULL, "%s: cannot be read", pass->path);
	return ok;
}

bool
config_file(struct config *c, const char *path, bool must, struct err *e)
{
	struct file_pass pass = {.c = c, .path = path, .e = e};
	FILE *file = fopen(path, "re");
	size_t n = 0;
	bool ok;

	if (!file && errno == ENOENT && !must)
		return true;
	if (!file)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	while (c->items[n].name)
		n++;
	pass.seen = arena_calloc(&c->arena, n + 1, sizeof(*pass.seen));
	ok = read_lines(&pass, file);
	fclose(file);
	return ok;
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
	const void *at = value_of(c, item);
	const char *text;

	switch (item->type) {
	case CONFIG_TEXT:
		text = *(const char *const *)at;
		fputs(mask && item->secret && strcmp(text, item->preset) != 0 ? MASK : text, to);
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
	      "# What follows a blank and a semicolon is a comment.\n"
	      "# Order: default, this file, environment (" ENV_PREFIX "NAME), flags (--name).\n"
	      "\n[" SECTION "]\n",
	    to);
	for (const struct config_item *item = items; item->name; item++)
		fprintf(to, "\n# %s\n#%s =%s%s\n", item->help, item->name, *item->preset ? " " : "",
		    item->preset);
}

/* As roff prints it: a hyphen stays one, and no line begins a request. */
static void
print_roff(const char *s, FILE *to)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", to);
	for (; *s; s++)
		if (*s == '\\')
			fputs("\\e", to);
		else if (*s == '-')
			fputs("\\-", to);
		else
			putc(*s, to);
}

static void
print_manual_item(const struct config_item *item, FILE *to)
{
	fprintf(to, ".TP\n.B %s\n", item->name);
	print_roff(item->help, to);
	fputs("\n.br\nDefault: ", to);
	print_roff(*item->preset ? item->preset : "none", to);
	putc('\n', to);
}

void
config_manual(const struct config_item *items, const char *path, FILE *to)
{
	fputs(".TH TRACKER.INI 5 \"\" \"\" \"Distributed Compute\"\n.SH NAME\n"
	      "tracker.ini \\- settings of a distributed compute tracker\n.SH SYNOPSIS\n.I ",
	    to);
	print_roff(path, to);
	fputs("\n.SH DESCRIPTION\n"
	      "Under the line [" SECTION
	      "] a line each: name = value. Lines that begin with # or ; are "
	      "comments, and so is what follows a blank and a semicolon. A time is a number of "
	      "seconds, or "
	      "has a unit: 90s, 15m, 2h, 1d; so has a size: 64K, 16M, 1G. A name may be set once.\n"
	      ".PP\nThe environment goes before the file (" ENV_PREFIX
	      "IDLE_TIMEOUT=3600), and a flag before both (\\-\\-idle\\-timeout=3600).\n"
	      ".SH SETTINGS\n",
	    to);
	for (const struct config_item *item = items; item->name; item++)
		print_manual_item(item, to);
	fputs(".SH SEE ALSO\n.BR distcompute\\-tracker (7),\n.BR distcompute\\-admin (1)\n", to);
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
