/*
 * options -- how the user wants it: the command line, and the settings file that it may name.
 *
 * A settings file has a line an option, named as on the command line, and `command`, which a shell runs:
 *
 *	# /etc/distcompute-worker/cluster.conf
 *	url = https://tracker.example
 *	stage = Extract
 *	jobs = 8
 *	json
 *	command = ./process.sh --fast
 *
 * What the command line says wins.
 *
 * Ownership	options_fini frees what the file said.
 * Errors	misuse ends the program, with a sentence (EX_USAGE).
 */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#define KEY_MOST 256 /* bytes of a key, with NUL; ours have 36 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "worker/hand.h"
#include "worker/http.h"

struct options {
	const char *url, *nickname, *spool_dir;
	const char *stage; /* a letter, or a name that the tracker has for one */
	const char *has;   /* tidy words (base/words.h); "" = nothing */
	const char *label; /* what runs here; "" = nothing is said of it */
	struct http_options http;
	struct hand_options hand;
	int64_t max_input;   /* bytes of the longest answer with jobs */
	int64_t wait_s;      /* of a parked call */
	int64_t grace_s;     /* SIGTERM to giving back */
	int64_t exit_idle_s; /* nothing to do this long: stop; 0 = never */
	bool until_done;     /* the stage is finished: stop */
	bool v1;             /* do not try sync */

	struct arena arena;
	char *shell[4]; /* the file's command */
	char key[KEY_MOST];
};

void options_read(struct options *o, int argc, char **argv);
void options_fini(struct options *o);

#endif
