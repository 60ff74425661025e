/*
 * files -- results in numbered files of a folder, with a manifest of those that are finished.
 *
 *	DIR/b-000001.csv.zst  DIR/b-000002.csv.zst  …  DIR/manifest.jsonl
 *
 * A file is written under another name, and is finished in this order: its bytes are on disk, it has its
 * name, and then a line of the manifest says so and where to go on. That line alone counts: whatever a
 * crash leaves behind it is written anew, and what stands before it is never touched again.
 *
 *	{"name":"b-000001.csv.zst","number":1,"results":1000000,"bytes":…,"sha256":"…",
 *	 "columns":"job,output","place":"…"}
 *
 * Ownership	open/close, also after a failed open; text given to it is borrowed.
 * Errors	ERR_INPUT: the folder or a file in it cannot be written, or was begun otherwise.
 */
#ifndef EXPORT_FILES_H
#define EXPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/random.h"
#include "export/place.h"

struct files {
	const char *dir, *extension; /* ".csv.zst" */
	const char *columns;         /* as they were asked for; "" = all */
	int stage;
	FILE *manifest;
	int64_t number; /* of the last finished file */
	int fd;         /* of the one under way; -1 = none */
	int64_t results, bytes, begun_us;
	struct sha256 sum;
};

/*
 * Makes the folder where there is none. When some are finished already, *found is true and p goes on
 * behind them, as by place_read.
 */
bool files_open(struct files *fs, struct place *p, bool *found, bool *moved, struct err *e);
void files_close(struct files *fs);
/* Begins a file when none is under way: *begun then. */
bool files_begin(struct files *fs, bool *begun, struct err *e);
bool files_put(struct files *fs, const char *bytes, size_t len, int64_t results, struct err *e);
/* The one under way is whole, and everything before `p` is in it. */
bool files_finish(struct files *fs, const struct place *p, struct err *e);

#endif
