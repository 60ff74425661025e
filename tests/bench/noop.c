/*
 * noop -- a FastCGI responder that does nothing, with the tracker's library.
 *
 * Reads the whole body, as the tracker must, and sends as many bytes as asked for, in one put.
 * What it does behind an nginx is what anything on libfcgi can do there: the limit that the
 * tracker's rates are printed beside.
 *
 *	noop [--gate | --untouched] --listen PATH [--processes 2] [--threads 4]
 *	     [--bytes N] [--bytes /api/newJob=96] ...
 *
 * By itself it is libfcgi's own loop, a connection a request, without the shutdown and the lingering
 * that libfcgi closes with; --untouched has those too, as any program on libfcgi that does not
 * know better. With --gate it stands at the tracker's own gate (fcgi/web/fcgx.c), where connections
 * are kept.
 *
 * Threads	each takes, answers and finishes its own requests; Linux needs no mutex for that.
 * Ends	with its parent, or at SIGTERM.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "web/fcgx.h"

enum { BACKLOG = 1024, PATHS_MAX = 32, HEAD_MAX = 256 };

struct answer {
	const char *path; /* NULL: any */
	char *bytes;      /* head and body */
	int len;
};

static struct answer answers[PATHS_MAX];
static size_t answer_count;
static int listener;
static struct fcgx_gate *gate; /* NULL: libfcgi's own way */

static size_t
any_body(const struct fcgx_limits *limits, const char *uri, size_t len)
{
	(void)uri;
	(void)len;
	return limits->body_most;
}

static const struct fcgx_limits limits = {16 << 20, any_body};
static bool untouched;

static void
die(const char *why)
{
	perror(why);
	exit(1);
}

/* "N" or "PATH=N". */
static void
add_answer(char *text)
{
	char *equals = strrchr(text, '=');
	size_t size = strtoul(equals ? equals + 1 : text, NULL, 10);
	struct answer *a = &answers[answer_count];

	if (answer_count == PATHS_MAX || !(a->bytes = malloc(size + HEAD_MAX)))
		die("noop: --bytes");
	if (equals)
		*equals = '\0';
	a->path = equals ? text : NULL;
	a->len = snprintf(a->bytes, HEAD_MAX,
	    "Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
	    "%zu\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n\r\n",
	    size);
	memset(a->bytes + a->len, 'x', size);
	a->len += (int)size;
	answer_count++;
}

static const struct answer *
find_answer(const char *path)
{
	const struct answer *found = &answers[0];

	for (size_t i = 0; i < answer_count; i++) {
		if (!answers[i].path)
			found = &answers[i];
		else if (path && strcmp(answers[i].path, path) == 0)
			return &answers[i];
	}
	return found;
}

static void
read_body(FCGX_Request *rq)
{
	char bytes[65536];

	while (FCGX_GetStr(bytes, sizeof(bytes), rq->in) == (int)sizeof(bytes))
		continue;
}

static void *
serve(void *unused)
{
	FCGX_Request rq;

	(void)unused;
	FCGX_InitRequest(&rq, listener, 0);
	while (FCGX_Accept_r(&rq) == 0) {
		const struct answer *a = find_answer(FCGX_GetParam("DOCUMENT_URI", rq.envp));

		read_body(&rq);
		FCGX_PutStr(a->bytes, a->len, rq.out);
		if (!untouched)
			FCGX_Detach(&rq); /* a close without a shutdown before */
		FCGX_Finish_r(&rq);
	}
	return NULL;
}

static void *
serve_at_gate(void *unused)
{
	struct fcgx_turn *turn = fcgx_turn_new(gate);
	char bytes[65536];

	(void)unused;
	for (;;) {
		int why;
		struct fcgx *f = fcgx_next(gate, turn, &why);
		const struct answer *a;

		if (!f)
			continue;
		a = find_answer(fcgx_param(f, "DOCUMENT_URI"));
		while (fcgx_read(f, bytes, sizeof(bytes)) == sizeof(bytes))
			continue;
		(void)fcgx_answer(f, a->bytes, (size_t)a->len);
		fcgx_done(f);
	}
	return NULL;
}

static void
run_process(int threads, bool at_gate)
{
	void *(*run)(void *) = at_gate ? serve_at_gate : serve;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	FCGX_Init();
	if (at_gate)
		signal(SIGTERM, SIG_DFL); /* libfcgi's own handler only ends its accept */
	gate = at_gate ? fcgx_gate_new(listener, &limits) : NULL;
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, run, NULL) != 0)
			die("noop: pthread_create");
	run(NULL);
	exit(0);
}

static int
open_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		fputs("noop: the socket's path is too long\n", stderr);
		exit(64);
	}
	strcpy(address.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0)
		die(path);
	return fd;
}

int
main(int argc, char **argv)
{
	const char *path = NULL;
	int processes = 2, threads = 4;
	bool at_gate = argc > 1 && strcmp(argv[1], "--gate") == 0;

	untouched = argc > 1 && strcmp(argv[1], "--untouched") == 0;
	for (int i = at_gate || untouched ? 2 : 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--listen") == 0)
			path = argv[i + 1];
		else if (strcmp(argv[i], "--processes") == 0)
			processes = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--threads") == 0)
			threads = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--bytes") == 0)
			add_answer(argv[i + 1]);
		else
			path = NULL, i = argc;
	}
	if (!path || processes < 1 || threads < 1) {
		fputs("usage: noop [--gate | --untouched] --listen PATH [--processes N] [--threads "
		      "N] [--bytes "
		      "[PATH=]N]...\n",
		    stderr);
		return 64;
	}
	if (answer_count == 0)
		add_answer((char[]){"6"});
	if (!untouched) /* do not linger for nginx to close first */
		setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	listener = open_listener(path);
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("noop: fork");
		if (pid == 0)
			run_process(threads, at_gate);
	}
	puts("ready");
	fflush(stdout);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
