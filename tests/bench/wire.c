#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_OPENSSL
#include <openssl/ssl.h>
static SSL_CTX *tls_context;
#endif

static struct sockaddr_in address;
static bool want_tls;

bool
wire_setup(const char *host, int port, bool tls)
{
	address.sin_family = AF_INET;
	address.sin_port = htons((in_port_t)port);
	want_tls = tls;
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return false;
	if (!tls)
		return true;
#ifdef HAVE_OPENSSL
	/* The measured server is our own, on loopback, with a certificate made on the spot. */
	if (!(tls_context = SSL_CTX_new(TLS_client_method())))
		return false;
	SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(
	    tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return true;
#else
	return false;
#endif
}

bool
wire_open(struct wire *w)
{
	int one = 1;

	w->ready = false;
	w->tls = NULL;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return false;
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(w->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
	    errno != EINPROGRESS) {
		wire_close(w);
		return false;
	}
#ifdef HAVE_OPENSSL
	if (want_tls) {
		if (!(w->tls = SSL_new(tls_context)) || SSL_set_fd(w->tls, w->fd) != 1) {
			wire_close(w);
			return false;
		}
		SSL_set_connect_state(w->tls);
	}
#endif
	return true;
}

void
wire_close(struct wire *w)
{
#ifdef HAVE_OPENSSL
	if (w->tls)
		SSL_free(w->tls);
#endif
	w->tls = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->ready = false;
}

#ifdef HAVE_OPENSSL
static int
tls_result(SSL *tls, int result)
{
	int error = SSL_get_error(tls, result);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? WIRE_AGAIN
									     : WIRE_GONE;
}
#endif

int
wire_connect(struct wire *w)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (w->ready)
		return 1;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return WIRE_GONE;
#ifdef HAVE_OPENSSL
	if (w->tls) {
		int result = SSL_do_handshake(w->tls);

		if (result != 1)
			return tls_result(w->tls, result);
	}
#endif
	w->ready = true;
	return 1;
}

ssize_t
wire_read(struct wire *w, char *bytes, size_t size)
{
	ssize_t got;

#ifdef HAVE_OPENSSL
	if (w->tls) {
		int result = SSL_read(w->tls, bytes, size > 1 << 30 ? 1 << 30 : (int)size);

		return result > 0 ? result : tls_result(w->tls, result);
	}
#endif
	got = read(w->fd, bytes, size);
	if (got > 0)
		return got;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? WIRE_AGAIN : WIRE_GONE;
}

ssize_t
wire_write(struct wire *w, const char *bytes, size_t len)
{
	ssize_t put;

#ifdef HAVE_OPENSSL
	if (w->tls) {
		int result = SSL_write(w->tls, bytes, len > 1 << 30 ? 1 << 30 : (int)len);

		return result > 0 ? result : tls_result(w->tls, result);
	}
#endif
	put = send(w->fd, bytes, len, MSG_NOSIGNAL);
	if (put >= 0)
		return put;
	return errno == EAGAIN || errno == EINTR ? WIRE_AGAIN : WIRE_GONE;
}
