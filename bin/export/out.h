/*
 * out -- where pages of results go: standard output, or numbered files of a folder.
 *
 * The line of names that csv and tsv have comes before the first page: on standard output unless it is
 * the continuation of an earlier run, and in each file. On a terminal what would steer it is left out; everywhere
 * else a result is what its worker sent, byte for byte.
 *
 * Ownership	open/close, also after a failed open. Text given to it is borrowed.
 * Errors	ERR_INPUT: it cannot be written.
 */
#ifndef EXPORT_OUT_H
#define EXPORT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "export/files.h"
#include "export/pack.h"
#include "export/result.h"

struct out {
	const struct result_form *form;
	enum pack_kind pack;
	const char *dir;                  /* NULL: standard output */
	int64_t results_most, age_most_s; /* of a file */
	char extension[16];
	struct files files;
	bool shown;  /* standard output is a terminal */
	bool headed; /* standard output has its line of names */
	struct buf text, packed;
};

/* With a folder: p goes on behind the files that it has, as by place_read. */
bool out_open(
    struct out *o, struct place *p, const char *columns, bool *found, bool *moved, struct err *e);
void out_close(struct out *o);
bool out_page(struct out *o, const struct result *results, int n, struct err *e);
/* p stands behind all that was put: a file that is long or old enough, or the `last`, ends here. */
bool out_mark(struct out *o, const struct place *p, bool last, struct err *e);

#endif
