#include "web/fcgx.h"

#include <fcgiapp.h>
#include <stdlib.h>

struct fcgx {
	FCGX_Request request;
};

bool
fcgx_init(void)
{
	/*
	 * libfcgi lingers after each answer until the peer closes (2 s at most): the thread that answers a
	 * batch would wait for nginx once a request. What lingering is for, data of the peer that was not
	 * read, cannot be here: fcgx_answer reads to the end first.
	 */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 0);
	return FCGX_Init() == 0;
}

void
fcgx_stop(void)
{
	FCGX_ShutdownPending();
}

struct fcgx *
fcgx_new(int listen_fd)
{
	struct fcgx *f = calloc(1, sizeof *f);

	if (f == NULL || FCGX_InitRequest(&f->request, listen_fd, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		abort();
	return f;
}

void
fcgx_free(struct fcgx *f)
{
	if (f == NULL)
		return;
	FCGX_Free(&f->request, 1);
	free(f);
}

int
fcgx_accept(struct fcgx *f)
{
	return FCGX_Accept_r(&f->request);
}

const char *
fcgx_param(struct fcgx *f, const char *name)
{
	return FCGX_GetParam(name, f->request.envp);
}

size_t
fcgx_read(struct fcgx *f, char *out, size_t len)
{
	size_t got = 0;

	/* FCGX_GetStr takes an int; bodies are bounded far below, but its count is not ours to trust. */
	while (got < len) {
		size_t ask = len - got < 1 << 20 ? len - got : 1 << 20;
		int n = FCGX_GetStr(out + got, (int)ask, f->request.in);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

int
fcgx_fd(const struct fcgx *f)
{
	return f->request.ipcFd;
}

/* To the end of what was sent, so that closing resets nothing. Mostly it is in libfcgi's buffer already. */
static void
drain(struct fcgx *f)
{
	char rest[4096];
	size_t most = 1 << 26;

	while (most > sizeof rest && FCGX_GetStr(rest, sizeof rest, f->request.in) > 0)
		most -= sizeof rest;
}

bool
fcgx_answer(struct fcgx *f, const char *bytes, size_t len)
{
	bool sent = true;

	drain(f);
	while (len > 0 && sent) {
		size_t part = len < 1 << 30 ? len : 1 << 30;

		sent = FCGX_PutStr(bytes, (int)part, f->request.out) == (int)part;
		bytes += part;
		len -= part;
	}
	/*
	 * Small answers are still in libfcgi's buffer: only closing tells whether they went out. The
	 * stream closed last carries the end of the request, so that all of it is one write.
	 */
	FCGX_FClose(f->request.err);
	sent = FCGX_FClose(f->request.out) == 0 && sent;
	/*
	 * A detached request is closed without a shutdown before: all of it was read and all of the
	 * answer was written, so shutdown and poll would be two more system calls here and one more
	 * event for nginx.
	 */
	FCGX_Detach(&f->request);
	FCGX_Finish_r(&f->request);
	return sent;
}

void
fcgx_cut(struct fcgx *f)
{
	FCGX_Free(&f->request, 1);
}
