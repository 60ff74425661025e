/*
 * options -- what the driver was asked for.
 *
 * One of them, filled once before anything runs and only read afterwards.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "call.h"
#include "watch.h"

struct options {
	struct plan plan;
	char *mix, *host, *label;
	int port;
	bool tls, json, bye;
	unsigned connections;
	unsigned workers_each; /* of a connection */
	double seconds, warmup_s, ramp_s, drain_s, limit_s;
	uint64_t cycles;
	struct watch watch;
};

extern struct options options;

/* Reads the command line; ends the program (64) when it makes no sense. */
void options_parse(int argc, char **argv);

#endif
