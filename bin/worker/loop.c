#include "worker/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOOP_EVENTS 64

bool
loop_open(struct loop *l, struct err *e)
{
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0)
		return err_set(e, ERR_BUG, NULL, "epoll_create1: %s", strerror(errno));
	return true;
}

void
loop_fini(struct loop *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

bool
loop_watch(struct loop *l, struct watch *w, int fd, bool to_write, struct err *e)
{
	struct epoll_event event = {.events = to_write ? EPOLLOUT : EPOLLIN, .data.ptr = w};

	w->fd = fd;
	if (epoll_ctl(l->fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_set(e, ERR_BUG, NULL, "epoll_ctl: %s", strerror(errno));
	return true;
}

void
loop_close(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	/* Removed by hand: a copy of the descriptor in a child would keep it in the set. */
	epoll_ctl(l->fd, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void
loop_run(struct loop *l)
{
	struct epoll_event events[LOOP_EVENTS];
	int n = epoll_wait(l->fd, events, LOOP_EVENTS, 0);

	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->fd >= 0)
			w->ready(w);
	}
}
