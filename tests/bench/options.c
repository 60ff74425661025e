#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct options options = {
    .plan =
	{.host = "127.0.0.1", .header = "", .stage = 'a', .nickname = "bench", .data_bytes = 64},
    .host = (char *)"127.0.0.1",
    .connections = 64,
    .seconds = 5,
    .warmup_s = 0.5,
    .drain_s = 5,
    .limit_s = 120,
};

enum {
	KEY_HOST = 256,
	KEY_HOST_NAME,
	KEY_HEADER,
	KEY_STAGE,
	KEY_SECONDS,
	KEY_WORKERS,
	KEY_CYCLES,
	KEY_WARMUP,
	KEY_RAMP,
	KEY_DRAIN,
	KEY_LIMIT,
	KEY_DATA,
	KEY_BLIND,
	KEY_JOURNAL,
	KEY_JSON,
	KEY_BYE,
	KEY_WATCH,
	KEY_LABEL,
	KEY_TLS,
	KEY_NICKNAME
};

static const struct argp_option argp_options[] = {
    {"host", KEY_HOST, "ADDRESS", 0, "Address to connect to (127.0.0.1)", 0},
    {"port", 'p', "PORT", 0, "Port to connect to", 0},
    {"tls", KEY_TLS, NULL, 0, "HTTPS", 0},
    {"host-name", KEY_HOST_NAME, "NAME", 0, "What the Host field says", 0},
    {"header", KEY_HEADER, "LINE", 0, "One more header field, as \"Name: value\"", 0},
    {"connections", 'c', "N", 0, "Connections, each with a worker of its own (64)", 0},
    {"workers", KEY_WORKERS, "N", 0,
	"Workers, when they are more than the connections: those of one take turns", 0},
    {"mix", 'm', "MIX", 0,
	"cycle, cycle+progress, or steps joined by commas: new newJob completeJob progress "
	"validate count sync:WANT[:WAIT_S] page:/PATH bye pause:MS barrier",
	0},
    {"stage", KEY_STAGE, "LETTER", 0, "Stage to work at (a)", 0},
    {"nickname", KEY_NICKNAME, "NAME", 0, "Nickname of all workers (bench)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "How long to measure (5)", 0},
    {"cycles", KEY_CYCLES, "N", 0, "Instead: this many rounds of the mix for each worker", 0},
    {"warmup", KEY_WARMUP, "S", 0, "Not counted, before (0.5)", 0},
    {"ramp", KEY_RAMP, "S", 0, "Spread the first connections over this time (0)", 0},
    {"drain", KEY_DRAIN, "S", 0, "Wait so long for the last answers (5)", 0},
    {"limit", KEY_LIMIT, "S", 0, "Give up when registering takes longer (120)", 0},
    {"data-bytes", KEY_DATA, "N", 0, "Length of a result (64)", 0},
    {"blind", KEY_BLIND, NULL, 0, "For a no-op: do not register, any 200 with a body is right", 0},
    {"bye", KEY_BYE, NULL, 0, "Each worker says goodbye at the end", 0},
    {"journal", KEY_JOURNAL, "FILE", 0, "Write every acknowledged result: stage, job, data", 0},
    {"watch", KEY_WATCH, "NAME=PID", 0, "Count the CPU time of this tree of processes", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Put into the JSON report", 0},
    {"json", KEY_JSON, NULL, 0, "Report as JSON", 0},
    {0},
};

static error_t
parse_option(int key, char *value, struct argp_state *state)
{
	char *header;

	switch (key) {
	case KEY_HOST:
		options.host = value;
		break;
	case KEY_HOST_NAME:
		options.plan.host = value;
		break;
	case KEY_HEADER:
		if (asprintf(&header, "%s\r\n", value) < 0)
			abort();
		options.plan.header = header;
		break;
	case 'p':
		options.port = atoi(value);
		break;
	case KEY_TLS:
		options.tls = true;
		break;
	case 'c':
		options.connections = (unsigned)atoi(value);
		break;
	case KEY_WORKERS:
		options.workers_each = (unsigned)atoi(value);
		break;
	case 'm':
		options.mix = value;
		break;
	case KEY_STAGE:
		options.plan.stage = *value;
		break;
	case KEY_NICKNAME:
		options.plan.nickname = value;
		break;
	case KEY_SECONDS:
		options.seconds = atof(value);
		break;
	case KEY_CYCLES:
		options.cycles = strtoull(value, NULL, 10);
		break;
	case KEY_WARMUP:
		options.warmup_s = atof(value);
		break;
	case KEY_RAMP:
		options.ramp_s = atof(value);
		break;
	case KEY_DRAIN:
		options.drain_s = atof(value);
		break;
	case KEY_LIMIT:
		options.limit_s = atof(value);
		break;
	case KEY_DATA:
		options.plan.data_bytes = strtoul(value, NULL, 10);
		break;
	case KEY_BLIND:
		options.plan.blind = true;
		break;
	case KEY_BYE:
		options.bye = true;
		break;
	case KEY_JOURNAL:
		if (!(options.plan.journal = fopen(value, "w")))
			argp_failure(state, 1, errno, "%s", value);
		break;
	case KEY_WATCH:
		if (!watch_add(&options.watch, value))
			argp_error(state, "--watch wants NAME=PID, %d at most", WATCH_MAX);
		break;
	case KEY_LABEL:
		options.label = value;
		break;
	case KEY_JSON:
		options.json = true;
		break;
	case ARGP_KEY_END:
		if (options.port <= 0 || !options.mix || options.connections == 0)
			argp_error(state, "--port, --mix and at least one connection are needed");
		options.workers_each /= options.connections;
		if (options.workers_each == 0)
			options.workers_each = 1;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void
options_parse(int argc, char **argv)
{
	static const struct argp parser = {.options = argp_options,
	    .parser = parse_option,
	    .doc = "Drives a tracker over HTTP with a closed loop of workers and measures it."};
	char *mix;

	argp_err_exit_status = 64;
	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	if (!(mix = strdup(options.mix)) || !plan_parse(&options.plan, mix)) {
		fprintf(stderr, "drive: no such mix: %s\n", options.mix);
		exit(64);
	}
}
