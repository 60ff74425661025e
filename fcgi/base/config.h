/*
 * config -- settings from a table: file, environment, flags.
 *
 * One table describes every setting (name, type, default, bounds, one line of help); --help, the
 * sample file and --print-config are printed from it. Order: default < file < environment < flag.
 *
 * Ownership	values are written into the caller's struct at `offset`; text is the config's arena's.
 * Errors	ERR_INPUT; `why` begins with "FILE:LINE: " or the variable's or flag's name.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

enum config_type {
	CONFIG_TEXT,    /* const char *, never NULL */
	CONFIG_INT,     /* int64_t between min and max */
	CONFIG_SECONDS, /* int64_t between min and max; "90", "90s", "15m", "2h", "1d" */
	CONFIG_BYTES,   /* int64_t between min and max; "16M" */
	CONFIG_BOOL     /* bool; yes/no, true/false, on/off, 1/0 */
};

struct config_item {
	const char *name; /* as in the file: idle_timeout; TRACKER_IDLE_TIMEOUT; --idle-timeout */
	enum config_type type;
	size_t offset;      /* in the settings struct */
	const char *preset; /* the default, as text */
	int64_t min, max;   /* of numbers; of text: min and max bytes (max 0 = any) */
	bool secret;        /* may hold a password: config_print masks what is not the default */
	const char *help;   /* one line */
};

struct config {
	const struct config_item *items; /* ends at !name */
	void *settings;
	struct arena arena;
	const char **origins; /* by item: "default", "FILE:LINE", a variable's or flag's name */
};

/* Sets every default. */
bool config_init(struct config *c, const struct config_item *items, void *settings, struct err *e);
void config_fini(struct config *c);
/* A missing file is an error when `must`. Refused: sections other than [tracker], a name set twice. */
bool config_file(struct config *c, const char *path, bool must, struct err *e);
/* TRACKER_NAME for every item; other variables with that prefix are none of ours. */
bool config_env(struct config *c, struct err *e);
/* `origin` is named in the error: "--idle-timeout". */
bool config_set(
    struct config *c, const char *name, const char *value, const char *origin, struct err *e);
/* Where a setting's value came from: for errors that are found later. */
const char *config_origin(const struct config *c, const char *name);
/* Every setting as a line of the file; secrets masked when `mask`. */
void config_print(const struct config *c, FILE *to, bool mask);
/* A commented sample file with the defaults. */
void config_sample(const struct config_item *items, FILE *to);
/* tracker.ini(5): the manual's page of all settings. */
void config_manual(const struct config_item *items, const char *path, FILE *to);
/* The table of bin/doc/settings.md, in Markdown. */
void config_markdown(const struct config_item *items, FILE *to);

#endif
