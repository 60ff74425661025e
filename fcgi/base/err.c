#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
err_set_at(struct err *e, const char *file, int line, enum err_kind kind, const char *said,
    const char *why_format, ...)
{
	va_list args;

	if (!e || e->kind != ERR_NONE)
		return false;
	e->kind = kind;
	e->said = said;
	e->file = file;
	e->line = line;
	e->sqlstate[0] = '\0';
	va_start(args, why_format);
	if (vsnprintf(e->why, sizeof(e->why), why_format, args) < 0)
		e->why[0] = '\0';
	va_end(args);
	return false;
}

void
err_clear(struct err *e)
{
	*e = ERR_INIT;
}

const char *
err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
	    [ERR_NONE] = "none",
	    [ERR_INPUT] = "input",
	    [ERR_FIELD] = "field",
	    [ERR_TOO_LARGE] = "too_large",
	    [ERR_METHOD] = "method",
	    [ERR_MISSING] = "missing",
	    [ERR_REFUSED] = "refused",
	    [ERR_KEY] = "key",
	    [ERR_AWAY] = "away",
	    [ERR_BUSY] = "busy",
	    [ERR_SQL] = "sql",
	    [ERR_BUG] = "bug",
	};

	if ((size_t)kind >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[kind];
}
