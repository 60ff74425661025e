#include "store/pg_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* As the conninfo lists them; NULL = not said there. */
struct host {
	char *name, *address, *port;
};

struct pg_hosts {
	char *conninfo, *application;
	struct host host[HOSTS_MOST];
	int n;
	int first;
	bool must_write;
};

/* ---- reading the conninfo ------------------------------------------------------------------------ */

static int
count_hosts_in(const char *list)
{
	int n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* The i-th of a list with commas; a list of one holds for all. NULL when it is empty. */
static char *
nth_of(const char *list, int i)
{
	size_t len;

	if (!list)
		return NULL;
	if (count_hosts_in(list) > 1)
		while (i-- > 0)
			list += strcspn(list, ",") + 1;
	len = strcspn(list, ",");
	return len > 0 ? strndup(list, len) : NULL;
}

static const char *
option(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

static void
read_hosts(struct pg_hosts *h, const PQconninfoOption *options)
{
	const char *names = option(options, "host"), *addresses = option(options, "hostaddr");
	const char *ports = option(options, "port"), *most = addresses ? addresses : names;
	int n = most ? count_hosts_in(most) : 1;

	/* Lists of unequal length are libpq's to complain of. */
	if (n < 2 || n > HOSTS_MOST || (names && count_hosts_in(names) != n) ||
	    (ports && count_hosts_in(ports) != 1 && count_hosts_in(ports) != n))
		return;
	h->n = n;
	for (int i = 0; i < n; i++)
		h->host[i] =
		    (struct host){nth_of(names, i), nth_of(addresses, i), nth_of(ports, i)};
}

struct pg_hosts *
hosts_new(const char *conninfo, const char *application)
{
	struct pg_hosts *h = calloc(1, sizeof(*h));
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

	if (!h)
		abort();
	h->conninfo = strdup(conninfo);
	h->application = strdup(application);
	if (!h->conninfo || !h->application)
		abort();
	h->n = 1;
	if (options)
		read_hosts(h, options);
	PQconninfoFree(options);
	return h;
}

void
hosts_free(struct pg_hosts *h)
{
	if (!h)
		return;
	for (int i = 0; i < h->n; i++) {
		free(h->host[i].name);
		free(h->host[i].address);
		free(h->host[i].port);
	}
	free(h->conninfo);
	free(h->application);
	free(h);
}

int
hosts_count(const struct pg_hosts *h)
{
	return h->n;
}

void
hosts_must_write(struct pg_hosts *h)
{
	h->must_write = true;
}

/* ---- a race -------------------------------------------------------------------------------------- */

#define KEYS_MOST 16

struct keys {
	const char *key[KEYS_MOST], *value[KEYS_MOST];
	int n;
};

static void
put(struct keys *k, const char *key, const char *value)
{
	if (!value)
		return;
	k->key[k->n] = key;
	k->value[k->n++] = value;
}

/*
 * What stands behind dbname wins over what it expands to, but for fallback_…; what stands before it is ours
 * where the operator says nothing: a hole in the network is found within a minute and not within hours.
 */
static PGconn *
start(const struct pg_hosts *h, int host)
{
	struct keys k = {.n = 0};

	put(&k, "keepalives_idle", "30");
	put(&k, "keepalives_interval", "10");
	put(&k, "keepalives_count", "3");
	put(&k, "tcp_user_timeout", "60000");
	put(&k, "target_session_attrs", h->n > 1 ? "read-write" : NULL);
	put(&k, "dbname", h->conninfo);
	put(&k, "fallback_application_name", h->application);
	put(&k, "client_encoding", "UTF8");
	put(&k, "target_session_attrs", h->must_write ? "read-write" : NULL);
	if (h->n > 1) {
		put(&k, "host", h->host[host].name);
		put(&k, "hostaddr", h->host[host].address);
		put(&k, "port", h->host[host].port);
	}
	k.key[k.n] = k.value[k.n] = NULL;
	return PQconnectStartParams(k.key, k.value, 1);
}

void
race_begin(struct race *r, struct pg_hosts *h, int without)
{
	memset(r, 0, sizeof(*r));
	r->hosts = h;
	r->without = without;
	r->winner = HOSTS_NOBODY;
}

static void
end_try(struct race *r, int host, const char *why)
{
	if (!*r->why || *why)
		snprintf(r->why, sizeof(r->why), "%s", why);
	PQfinish(r->conn[host]);
	r->conn[host] = NULL;
	r->next_us = 0; /* the next one need not wait any longer */
}

/* The next host that has not started, in the order from the preferred one on; HOSTS_NOBODY = all have. */
static int
next_host(const struct race *r)
{
	const struct pg_hosts *h = r->hosts;

	for (int i = 0; i < h->n; i++) {
		int host = (h->first + i) % h->n;

		if (host != r->without && r->began_us[host] == 0)
			return host;
	}
	return HOSTS_NOBODY;
}

static void
start_next(struct race *r)
{
	int host = next_host(r);

	r->began_us[host] = clock_us();
	r->next_us = r->began_us[host] + HOSTS_HEAD_START_MS * 1000;
	r->wants[host] = POLLOUT;
	r->conn[host] = start(r->hosts, host);
	if (!r->conn[host])
		end_try(r, host, "out of memory");
	else if (PQstatus(r->conn[host]) == CONNECTION_BAD)
		end_try(r, host, PQerrorMessage(r->conn[host]));
}

static int64_t
patience_us(const struct race *r)
{
	return (r->hosts->n > 1 ? HOSTS_PATIENCE_MS : HOSTS_LONE_MS) * INT64_C(1000);
}

static void
advance(struct race *r, int host)
{
	struct pollfd p = {.fd = PQsocket(r->conn[host]), .events = r->wants[host]};
	PostgresPollingStatusType status;

	if (p.fd >= 0 && poll(&p, 1, 0) == 0) {
		if (clock_us() - r->began_us[host] >= patience_us(r))
			end_try(r, host, "nothing was heard from it in time");
		return;
	}
	status = PQconnectPoll(r->conn[host]);
	if (status == PGRES_POLLING_OK)
		r->winner = host;
	else if (status == PGRES_POLLING_FAILED)
		end_try(r, host, PQerrorMessage(r->conn[host]));
	else
		r->wants[host] = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

bool
race_step(struct race *r)
{
	bool running = false;

	for (int i = 0; i < r->hosts->n && r->winner == HOSTS_NOBODY; i++)
		if (r->conn[i])
			advance(r, i);
	while (
	    r->winner == HOSTS_NOBODY && next_host(r) != HOSTS_NOBODY && clock_us() >= r->next_us)
		start_next(r);
	for (int i = 0; i < r->hosts->n; i++)
		running = running || r->conn[i];
	return r->winner != HOSTS_NOBODY || (!running && next_host(r) == HOSTS_NOBODY);
}

int
race_fds(const struct race *r, struct pollfd *fds)
{
	int n = 0;

	for (int i = 0; i < r->hosts->n; i++)
		if (r->conn[i])
			fds[n++] =
			    (struct pollfd){.fd = PQsocket(r->conn[i]), .events = r->wants[i]};
	return n;
}

int64_t
race_until_us(const struct race *r)
{
	int64_t until_us = next_host(r) == HOSTS_NOBODY ? INT64_MAX : r->next_us;

	for (int i = 0; i < r->hosts->n; i++)
		if (r->conn[i] && r->began_us[i] + patience_us(r) < until_us)
			until_us = r->began_us[i] + patience_us(r);
	return until_us;
}

PGconn *
race_take(struct race *r, int *host)
{
	PGconn *conn;

	*host = r->winner;
	if (r->winner == HOSTS_NOBODY)
		return NULL;
	conn = r->conn[r->winner];
	r->conn[r->winner] = NULL;
	r->hosts->first = r->winner;
	return conn;
}

const char *
race_why(const struct race *r)
{
	return *r->why ? r->why : "no host is left to try";
}

void
race_end(struct race *r)
{
	for (int i = 0; i < r->hosts->n; i++) {
		PQfinish(r->conn[i]);
		r->conn[i] = NULL;
	}
}
