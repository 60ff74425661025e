#include "run/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "run/systemd.h"

static bool
is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0;
}

static int
inherit(struct err *e)
{
	int handed = systemd_socket();

	if (handed >= 0)
		return handed;
	if (is_listening(STDIN_FILENO))
		return STDIN_FILENO;
	err_set(e, ERR_INPUT, NULL,
	    "listen is empty, and no socket was inherited (LISTEN_FDS, descriptor 0)");
	return -1;
}

/* A name left behind by a tracker that was killed may go; one that answers may not. */
static bool
clear_stale(const struct sockaddr_un *at, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;

	if (fd >= 0)
		close(fd);
	if (answers)
		return err_set(e, ERR_BUSY, NULL, "somebody listens on %s already", at->sun_path);
	unlink(at->sun_path);
	return true;
}

static int
open_unix(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(at.sun_path)) {
		err_set(e, ERR_INPUT, NULL, "listen: %s is longer than %zu bytes", path,
		    sizeof(at.sun_path) - 1);
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (!clear_stale(&at, e))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, 0660) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		err_set(e, ERR_INPUT, NULL, "listen: unix:%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool
is_loopback(const struct sockaddr *at)
{
	if (at->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)at)->sin6_addr);
	return at->sa_family == AF_INET &&
	    ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int
open_tcp(const char *address, bool anywhere, struct err *e)
{
	char *host = strdup(address), *port = host ? strrchr(host, ':') : NULL;
	const char *name = host;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
			    .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
			*found = NULL;
	int fd = -1, on = 1;

	if (!port) {
		err_set(e, ERR_INPUT, NULL, "listen: tcp:%s is not tcp:ADDRESS:PORT", address);
		goto out;
	}
	*port++ = '\0';
	if (*host == '[' && port[-2] == ']') { /* an IPv6 address, which has colons of its own */
		port[-2] = '\0';
		name++;
	}
	if (getaddrinfo(*name != '\0' ? name : NULL, port, &hints, &found) != 0) {
		err_set(e, ERR_INPUT, NULL, "listen: tcp:%s: no such address", address);
		goto out;
	}
	if (!anywhere && !is_loopback(found->ai_addr)) {
		err_set(e, ERR_INPUT, NULL,
		    "listen: tcp:%s is beyond loopback, and whoever reaches it is believed: say "
		    "tcp-open:%s if that is meant",
		    address, address);
		goto out;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		err_set(e, ERR_INPUT, NULL, "listen: tcp:%s: %s", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
out:
	if (found)
		freeaddrinfo(found);
	free(host);
	return fd;
}

int
listen_open(const char *address, struct err *e)
{
	if (*address == '\0')
		return inherit(e);
	if (text_starts(address, "unix:"))
		return open_unix(address + 5, e);
	if (text_starts(address, "tcp:"))
		return open_tcp(address + strlen("tcp:"), false, e);
	if (text_starts(address, "tcp-open:"))
		return open_tcp(address + strlen("tcp-open:"), true, e);
	err_set(
	    e, ERR_INPUT, NULL, "listen: '%s' is neither unix:PATH nor tcp:ADDRESS:PORT", address);
	return -1;
}

void
listen_forget(const char *address)
{
	if (text_starts(address, "unix:"))
		unlink(address + 5);
}
