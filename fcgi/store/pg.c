#include "store/pg.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/libpq.h"
#include "store/pg_hosts.h"
#include "store/sqlstate.h"

#define PARAMS_MAX 32
#define STATEMENTS_MAX 64
#define STATEMENT_NAME 32
#define READ_ONLY "25006"
#define OUT_OF_PATIENCE "nothing was heard from it in time"
#define SESSION_MS 5000 /* patience with a server that does not answer after the connect */
#define SCOUT_US                                                                                   \
	INT64_C(1000000) /* an answer that is out for so long: does another host take writes? */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000 /* a server that is back is found within a second */
#define BACKOFF_SHARE 25    /* jitter, in percent */
/*
 * See run_session. What was answered is on disk, whatever a role or a database was set to; what promises more than
 * that, or a disk of this server alone, is the operator's choice.
 */
#define SESSION                                                                                    \
	"set client_connection_check_interval = '1s';"                                             \
	" select set_config('synchronous_commit', 'on', false)"                                    \
	" where current_setting('synchronous_commit') = 'off'"
#define COPY_UNSENT_MAX ((size_t)256 << 10) /* libpq would keep it all, were it never flushed */
#define PG_EPOCH_US (INT64_C(946684800) * 1000000) /* from 1970 to 2000-01-01 */
#define OID_OF_OID 26

enum pg_state { PG_IDLE, PG_BUSY, PG_COPY_IN };

struct pg {
	PGconn *conn; /* NULL = away */
	char *session;
	struct pg_hosts *hosts;
	int host; /* of the connection */
	enum pg_state state;
	int64_t patience_ms; /* 0 = none */
	int64_t backoff_ms;  /* of the last failure; 0 = the last call went well */
	int64_t retry_at_us; /* monotonic */
	struct {
		const char *sql; /* the pointer is the identity */
		unsigned number; /* its name is "s", `own` and this */
	} statements[STATEMENTS_MAX];
	int n_statements;
	unsigned last_number;
	uint64_t own; /* random: no two connections name a statement alike, even behind a pooler */
	size_t copy_unsent;
};

/* struct pg_rows is a PGresult by another name, so that a row costs no allocation of ours. */
static PGresult *
result_of(const struct pg_rows *rows)
{
	return (PGresult *)(uintptr_t)rows;
}

struct pg *
pg_new(const char *conninfo, const char *application, const char *session)
{
	struct pg *pg = calloc(1, sizeof(*pg));

	if (!pg)
		abort();
	random_bytes(&pg->own, sizeof(pg->own));
	pg->hosts = hosts_new(conninfo, application);
	pg->session = session ? strdup(session) : NULL;
	if (session && !pg->session)
		abort();
	return pg;
}

static void
disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->state = PG_IDLE;
	pg->n_statements = 0;
	pg->copy_unsent = 0;
}

void
pg_free(struct pg *pg)
{
	if (!pg)
		return;
	disconnect(pg);
	hosts_free(pg->hosts);
	free(pg->session);
	free(pg);
}

bool
pg_check_conninfo(const char *conninfo, struct err *e)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

	if (!options) /* libpq's message could repeat a password */
		return err_set(
		    e, ERR_INPUT, NULL, "is not a connection string or URI that libpq knows");
	PQconninfoFree(options);
	return true;
}

void
pg_must_write(struct pg *pg)
{
	hosts_must_write(pg->hosts);
}

void
pg_set_patience(struct pg *pg, int64_t ms)
{
	pg->patience_ms = ms;
}

int64_t
pg_server_pid(const struct pg *pg)
{
	return pg->conn ? PQbackendPID(pg->conn) : 0;
}

int64_t
pg_retry_in_ms(const struct pg *pg)
{
	int64_t left_us = pg->conn ? 0 : pg->retry_at_us - clock_us();

	return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

/* ---- going away --------------------------------------------------------------------------------- */

/* libpq's messages end in a newline and may have more inside. */
static void
one_line(char *out, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s && n + 1 < size; s++)
		out[n++] = *s == '\n' || *s == '\t' ? ' ' : *s;
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* The connection is lost: says so, and sets when the next try may be. */
static bool
away(struct pg *pg, const char *doing, const char *why, struct err *e)
{
	char text[200];

	one_line(text, sizeof(text), why);
	disconnect(pg);
	pg->backoff_ms *= 2;
	if (pg->backoff_ms < BACKOFF_MIN_MS)
		pg->backoff_ms = BACKOFF_MIN_MS;
	if (pg->backoff_ms > BACKOFF_MAX_MS)
		pg->backoff_ms = BACKOFF_MAX_MS;
	pg->retry_at_us = clock_us() + random_jitter(pg->backoff_ms, BACKOFF_SHARE) * 1000;
	return err_set(e, ERR_AWAY, NULL, "PostgreSQL %s: %s", doing, text);
}

static bool
away_conn(struct pg *pg, const char *doing, struct err *e)
{
	char text[200];

	one_line(text, sizeof(text), PQerrorMessage(pg->conn));
	return away(pg, doing, *text ? text : "connection lost", e);
}

/* ---- waiting ------------------------------------------------------------------------------------ */

static int64_t
deadline_us(int64_t ms)
{
	return ms > 0 ? clock_us() + ms * 1000 : INT64_MAX;
}

/* False at the deadline. */
static bool
wait_fds(struct pollfd *fds, nfds_t n, int64_t until_us)
{
	int64_t left_ms = -1;
	int ready;

	do {
		if (until_us != INT64_MAX) {
			left_ms = (until_us - clock_us() + 999) / 1000;
			if (left_ms < 0)
				left_ms = 0;
			if (left_ms > INT_MAX)
				left_ms = INT_MAX;
		}
		ready = poll(fds, n, (int)left_ms);
	} while (ready < 0 && errno == EINTR);
	return ready != 0;
}

/*
 * A server that is frozen, or behind a hole in the network, says nothing and does not hang up, and its kernel may
 * acknowledge what we send for as long as we like. So the other hosts are asked: true as soon as one of
 * them takes writes, for then ours does not any more.
 */
static bool
scout(struct pg *pg, struct pollfd *own, int64_t until_us)
{
	struct race race;
	int host;

	race_begin(&race, pg->hosts, pg->host);
	while (!race_step(&race)) {
		struct pollfd fds[HOSTS_MOST + 1];
		int n = race_fds(&race, fds);
		int64_t next_us = race_until_us(&race);

		fds[n] = *own;
		fds[n].revents = 0;
		(void)wait_fds(fds, (nfds_t)n + 1, next_us < until_us ? next_us : until_us);
		own->revents = fds[n].revents;
		if (own->revents != 0 || clock_us() >= until_us)
			break;
	}
	PQfinish(race_take(&race, &host));
	race_end(&race);
	return host != HOSTS_NOBODY;
}

enum waited { WAITED, WAITED_IN_VAIN, WAITED_FOR_ANOTHER };

/* Until the connection can be read or written, the time is over, or another host has taken over. */
static enum waited
wait_socket(struct pg *pg, short events, int64_t until_us)
{
	struct pollfd own = {.fd = PQsocket(pg->conn), .events = events};
	bool alone = hosts_count(pg->hosts) == 1;

	for (;;) {
		int64_t scout_us = alone ? INT64_MAX : clock_us() + SCOUT_US;

		if (wait_fds(&own, 1, scout_us < until_us ? scout_us : until_us))
			return WAITED;
		if (clock_us() >= until_us)
			return WAITED_IN_VAIN;
		if (scout(pg, &own, until_us))
			return WAITED_FOR_ANOTHER;
		if (own.revents != 0)
			return WAITED;
	}
}

/* The same, with what it means when it cannot. */
static bool
wait_or_away(struct pg *pg, short events, int64_t until_us, const char *doing, struct err *e)
{
	switch (wait_socket(pg, events, until_us)) {
	case WAITED:
		return true;
	case WAITED_FOR_ANOTHER:
		(void)away(pg, doing, "another host takes writes now", e);
		pg->retry_at_us = 0; /* and it is there */
		return false;
	default:
		return away(pg, doing, OUT_OF_PATIENCE, e);
	}
}

/* Everything that libpq holds goes out. It may have to read meanwhile, or both sides would wait. */
static bool
flush(struct pg *pg, int64_t until_us, struct err *e)
{
	int n;

	while ((n = PQflush(pg->conn)) == 1) {
		if (!wait_or_away(pg, POLLIN | POLLOUT, until_us, "send", e))
			return false;
		if (!PQconsumeInput(pg->conn))
			return away_conn(pg, "send", e);
	}
	return n == 0 || away_conn(pg, "send", e);
}

/* The next result is there, or NULL is. */
static bool
wait_result(struct pg *pg, int64_t until_us, struct err *e)
{
	while (PQisBusy(pg->conn)) {
		if (!wait_or_away(pg, POLLIN, until_us, "answer", e))
			return false;
		if (!PQconsumeInput(pg->conn))
			return away_conn(pg, "answer", e);
	}
	return true;
}

/* ---- errors of the server ------------------------------------------------------------------------ */

bool
pg_is_clash(const struct err *e)
{
	return e->kind == ERR_SQL &&
	    (sqlstate_blame(e->sqlstate) == BLAME_CLASH || strcmp(e->sqlstate, "55P03") == 0);
}

bool
pg_is_away(const struct err *e)
{
	enum sqlstate_blame blame = sqlstate_blame(e->sqlstate);

	return e->kind == ERR_AWAY ||
	    (e->kind == ERR_SQL && (blame == BLAME_SERVER || blame == BLAME_EITHER));
}

/* What there is to say beside the message; NULL of a row that broke a rule (class 23), for it holds data. */
static const char *
detail_of(const PGresult *res, const char *state)
{
	bool shows_data = state && strncmp(state, "23", 2) == 0;

	return shows_data ? NULL : PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
}

static bool
set_sql_error(const PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = detail_of(res, state);
	/* What our own functions refuse (TR...) is said for people: where they said it is no help. */
	bool ours = state && strncmp(state, "TR", 2) == 0;
	const char *context = ours ? NULL : PQresultErrorField(res, PG_DIAG_CONTEXT);
	bool had = e && e->kind != ERR_NONE;
	char text[sizeof(e->why)];

	snprintf(text, sizeof(text), "%s%s%s%s%s", message ? message : PQresultErrorMessage(res),
	    detail ? "; " : "", detail ? detail : "", context ? "; " : "", context ? context : "");
	one_line(text, sizeof(text), text);
	err_set(e, ERR_SQL, NULL, "%s", text);
	if (e && !had)
		snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state ? state : "XX000");
	return false;
}

/* The plan's row type changed under us, or somebody deallocated it: all are prepared anew. */
static void
check_statements(struct pg *pg, const char *sqlstate)
{
	if (strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "26000") == 0)
		pg->n_statements = 0;
}

/* A failed result, freed here: of the server's being away, or of the statement's. */
static bool
fail_result(struct pg *pg, PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	char copy[6];

	snprintf(copy, sizeof(copy), "%s", state ? state : "");
	if (PQstatus(pg->conn) == CONNECTION_BAD || sqlstate_blame(copy) == BLAME_SESSION) {
		bool had = e && e->kind != ERR_NONE;
		bool is_there = PQstatus(pg->conn) == CONNECTION_OK && strcmp(copy, READ_ONLY) == 0;
		char text[200];

		one_line(text, sizeof(text), PQresultErrorMessage(res));
		PQclear(res);
		away(pg, "answer", *text ? text : "connection lost", e);
		if (is_there)
			pg->retry_at_us = 0; /* who only reads goes on there, on a new connection */
		if (e && !had)
			memcpy(e->sqlstate, copy, sizeof(copy));
		return false;
	}
	check_statements(pg, copy);
	set_sql_error(res, e);
	PQclear(res);
	return false;
}

static void
forget(PGresult **res)
{
	PQclear(*res);
	*res = NULL;
}

/*
 * Reads results until there are no more. The last good one is *last (may be NULL), the first error
 * is the one that is told.
 */
static bool
drain(struct pg *pg, int64_t until_us, PGresult **last, struct err *e)
{
	PGresult *res, *bad = NULL;

	*last = NULL;
	for (;;) {
		if (!wait_result(pg, until_us, e)) {
			PQclear(bad);
			forget(last);
			return false;
		}
		res = PQgetResult(pg->conn);
		if (!res)
			break;
		switch (PQresultStatus(res)) {
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
		case PGRES_EMPTY_QUERY:
			PQclear(*last);
			*last = res;
			break;
		case PGRES_COPY_IN:
		case PGRES_COPY_OUT:
		case PGRES_COPY_BOTH:
			PQclear(res);
			PQclear(bad);
			forget(last);
			disconnect(pg); /* no way to answer a copy that nobody feeds */
			return err_set(e, ERR_BUG, NULL, "a COPY where none was expected");
		default:
			if (bad)
				PQclear(res);
			else
				bad = res;
			break;
		}
	}
	pg->state = PG_IDLE;
	if (bad) {
		forget(last);
		return fail_result(pg, bad, e);
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		forget(last);
		return away_conn(pg, "answer", e);
	}
	pg->backoff_ms = 0;
	return true;
}

/* ---- connecting ---------------------------------------------------------------------------------- */

static void
take_notice(void *pg_, const char *message)
{
	char quoted[512];

	(void)pg_;
	log_event(LOG_DEBUG_, "pg_notice", "text=%s",
	    log_quote(quoted, sizeof(quoted), message, strlen(message)));
}

/* The first of the hosts that is connected, and takes writes if it must. */
static bool
win_race(struct pg *pg, struct err *e)
{
	struct race race;

	race_begin(&race, pg->hosts, HOSTS_NOBODY);
	while (!race_step(&race)) {
		struct pollfd fds[HOSTS_MOST];
		int n = race_fds(&race, fds);

		(void)wait_fds(fds, (nfds_t)n, race_until_us(&race));
	}
	pg->conn = race_take(&race, &pg->host);
	race_end(&race);
	return pg->conn || away(pg, "connect", race_why(&race), e);
}

/* A call that waits for a lock when its caller gives up must not be done after it is made again. */
static bool
run_session(struct pg *pg, struct err *e)
{
	PGresult *last;
	struct buf sql;
	bool sent;

	buf_init(&sql, 0);
	buf_printf(&sql, SESSION "; %s", pg->session ? pg->session : "");
	sent = !sql.failed && PQsendQuery(pg->conn, sql.data);
	buf_fini(&sql);
	if (!sent)
		return away_conn(pg, "session", e);
	if (!flush(pg, deadline_us(SESSION_MS), e) ||
	    !drain(pg, deadline_us(SESSION_MS), &last, e)) {
		disconnect(pg);
		return false;
	}
	PQclear(last);
	return true;
}

static bool
try_connect(struct pg *pg, struct err *e)
{
	int64_t backoff_ms = pg->backoff_ms;

	if (clock_us() < pg->retry_at_us)
		return err_set(e, ERR_AWAY, NULL, "PostgreSQL is away, next try in %lld ms",
		    (long long)pg_retry_in_ms(pg));
	if (!win_race(pg, e))
		return false;
	PQsetNoticeProcessor(pg->conn, take_notice, pg);
	if (PQsetnonblocking(pg->conn, 1) != 0)
		return away_conn(pg, "connect", e);
	if (!run_session(pg, e))
		return false;
	/* Only a call that goes well ends the back-off: a server may crash at each. */
	pg->backoff_ms = backoff_ms;
	return true;
}

/* A server that left while we were idle is noticed before anything is sent, so nothing is in doubt. */
static bool
left_while_idle(struct pg *pg)
{
	struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};

	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return true;
	if (poll(&p, 1, 0) <= 0)
		return false;
	if (!PQconsumeInput(pg->conn) || PQstatus(pg->conn) == CONNECTION_BAD)
		return true;
	/* A notice or a changed parameter is fine; the end of the stream is seen by the second look. */
	return poll(&p, 1, 0) > 0 && !PQconsumeInput(pg->conn);
}

static bool
connected(struct pg *pg, struct err *e)
{
	if (pg->conn && left_while_idle(pg))
		disconnect(pg);
	return pg->conn || try_connect(pg, e);
}

bool
pg_ready(struct pg *pg, struct err *e)
{
	if (pg->state != PG_IDLE)
		return true;
	return connected(pg, e);
}

/* ---- calls --------------------------------------------------------------------------------------- */

static bool
idle(const struct pg *pg, struct err *e)
{
	if (pg->state == PG_IDLE)
		return true;
	return err_set(e, ERR_BUG, NULL, "a call during another (state %d)", (int)pg->state);
}

static void
name_statement(const struct pg *pg, char out[STATEMENT_NAME], unsigned number)
{
	snprintf(out, STATEMENT_NAME, "s%016" PRIx64 "_%u", pg->own, number);
}

static bool
prepare(struct pg *pg, const char *sql, const struct pg_param *params, int n, unsigned *number,
    struct err *e)
{
	Oid types[PARAMS_MAX] = {0};
	PGresult *last;
	char name[STATEMENT_NAME];

	for (int i = 0; i < pg->n_statements; i++) {
		if (pg->statements[i].sql == sql) {
			*number = pg->statements[i].number;
			return true;
		}
	}
	if (pg->n_statements == STATEMENTS_MAX)
		return err_set(e, ERR_BUG, NULL, "more than %d statements", STATEMENTS_MAX);
	for (int i = 0; i < n; i++)
		types[i] = params[i].oid;
	*number = ++pg->last_number;
	name_statement(pg, name, *number);
	if (!PQsendPrepare(pg->conn, name, sql, n, types))
		return away_conn(pg, "prepare", e);
	if (!flush(pg, deadline_us(pg->patience_ms), e) ||
	    !drain(pg, deadline_us(pg->patience_ms), &last, e))
		return false;
	PQclear(last);
	pg->statements[pg->n_statements].sql = sql;
	pg->statements[pg->n_statements++].number = *number;
	return true;
}

bool
pg_send(struct pg *pg, const char *sql, const struct pg_param *params, int n, struct err *e)
{
	const char *values[PARAMS_MAX];
	int lens[PARAMS_MAX], formats[PARAMS_MAX];
	unsigned number = 0;
	char name[STATEMENT_NAME];

	if (!idle(pg, e))
		return false;
	if (n > PARAMS_MAX)
		return err_set(e, ERR_BUG, NULL, "%d parameters, %d at most", n, PARAMS_MAX);
	for (int i = 0; i < n; i++) {
		if (params[i].len == PG_PARAM_FAILED)
			return err_set(e, ERR_BUSY, NULL,
			    "parameter %d could not be built: too long, or no memory", i + 1);
		if (params[i].len > INT_MAX)
			return err_set(e, ERR_BUG, NULL, "parameter %d is over 2 GB", i + 1);
		values[i] = params[i].bytes;
		lens[i] = (int)params[i].len;
		formats[i] = 1;
	}
	if (!connected(pg, e) || !prepare(pg, sql, params, n, &number, e))
		return false;
	name_statement(pg, name, number);
	if (!PQsendQueryPrepared(pg->conn, name, n, values, lens, formats, 1))
		return away_conn(pg, "send", e);
	if (!flush(pg, deadline_us(pg->patience_ms), e))
		return false;
	pg->state = PG_BUSY;
	return true;
}

bool
pg_receive(struct pg *pg, struct pg_rows **rows, struct err *e)
{
	PGresult *last;

	if (rows)
		*rows = NULL;
	if (pg->state != PG_BUSY)
		return err_set(e, ERR_BUG, NULL, "pg_receive without pg_send");
	if (!drain(pg, deadline_us(pg->patience_ms), &last, e))
		return false;
	if (rows)
		*rows = (struct pg_rows *)last;
	else
		PQclear(last);
	return true;
}

bool
pg_call(struct pg *pg, const char *sql, const struct pg_param *params, int n, struct pg_rows **rows,
    struct err *e)
{
	if (rows)
		*rows = NULL;
	return pg_send(pg, sql, params, n, e) && pg_receive(pg, rows, e);
}

bool
pg_run(struct pg *pg, const char *sql, struct err *e)
{
	PGresult *last;

	if (!idle(pg, e) || !connected(pg, e))
		return false;
	if (!PQsendQuery(pg->conn, sql))
		return away_conn(pg, "send", e);
	if (!flush(pg, deadline_us(pg->patience_ms), e) ||
	    !drain(pg, deadline_us(pg->patience_ms), &last, e))
		return false;
	PQclear(last);
	return true;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

int
pg_rows_count(const struct pg_rows *rows)
{
	return rows ? PQntuples(result_of(rows)) : 0;
}

void
pg_rows_free(struct pg_rows *rows)
{
	PQclear(result_of(rows));
}

/* A cell's bytes; len 0 and "" for NULL and for what is not there. */
static const char *
cell(const struct pg_rows *rows, int row, int column, int *len)
{
	PGresult *res = result_of(rows);

	*len = 0;
	if (!rows || row < 0 || row >= PQntuples(res) || column < 0 || column >= PQnfields(res) ||
	    PQgetisnull(res, row, column))
		return "";
	*len = PQgetlength(res, row, column);
	return PQgetvalue(res, row, column);
}

bool
pg_is_null(const struct pg_rows *rows, int row, int column)
{
	PGresult *res = result_of(rows);

	if (!rows || row < 0 || row >= PQntuples(res) || column < 0 || column >= PQnfields(res))
		return true;
	return PQgetisnull(res, row, column);
}

int64_t
pg_int(const struct pg_rows *rows, int row, int column)
{
	uint64_t eight;
	uint32_t four;
	uint16_t two;
	int len;
	const char *s = cell(rows, row, column, &len);

	switch (len) {
	case 8:
		memcpy(&eight, s, sizeof(eight));
		return (int64_t)be64toh(eight);
	case 4:
		memcpy(&four, s, sizeof(four));
		four = be32toh(four);
		if (PQftype(result_of(rows), column) == OID_OF_OID)
			return four;
		return (int32_t)four;
	case 2:
		memcpy(&two, s, sizeof(two));
		return (int16_t)be16toh(two);
	case 1:
		return (unsigned char)s[0];
	default:
		return 0;
	}
}

double
pg_double(const struct pg_rows *rows, int row, int column)
{
	uint64_t eight;
	uint32_t four;
	double d = 0;
	float f = 0;
	int len;
	const char *s = cell(rows, row, column, &len);

	if (len == 8) {
		memcpy(&eight, s, sizeof(eight));
		eight = be64toh(eight);
		memcpy(&d, &eight, sizeof(d));
	} else if (len == 4) {
		memcpy(&four, s, sizeof(four));
		four = be32toh(four);
		memcpy(&f, &four, sizeof(f));
		d = (double)f;
	}
	return d;
}

bool
pg_bool(const struct pg_rows *rows, int row, int column)
{
	int len;
	const char *s = cell(rows, row, column, &len);

	return len == 1 && s[0] != 0;
}

const char *
pg_text(const struct pg_rows *rows, int row, int column, size_t *len)
{
	int n;
	const char *s = cell(rows, row, column, &n);

	if (len)
		*len = (size_t)n;
	return s;
}

const char *
pg_dup(struct arena *a, const struct pg_rows *rows, int row, int column)
{
	size_t len;
	const char *text = pg_text(rows, row, column, &len);

	return arena_dup(a, text, len);
}

struct uuid
pg_uuid(const struct pg_rows *rows, int row, int column)
{
	struct uuid u = {{0}};
	int len;
	const char *s = cell(rows, row, column, &len);

	if (len == (int)sizeof(u.b))
		memcpy(u.b, s, sizeof(u.b));
	return u;
}

int64_t
pg_time_us(const struct pg_rows *rows, int row, int column)
{
	int64_t us = pg_int(rows, row, column);

	if (pg_is_null(rows, row, column))
		return 0;
	if (us == INT64_MAX || us == INT64_MIN)
		return us;
	return us + PG_EPOCH_US;
}

/* ---- COPY ---------------------------------------------------------------------------------------- */

/* Sends the command and waits until PostgreSQL takes its rows. */
bool
pg_copy_in(struct pg *pg, const char *sql, struct err *e)
{
	PGresult *res, *last;

	if (!idle(pg, e) || !connected(pg, e))
		return false;
	if (!PQsendQuery(pg->conn, sql))
		return away_conn(pg, "copy", e);
	if (!flush(pg, deadline_us(pg->patience_ms), e) ||
	    !wait_result(pg, deadline_us(pg->patience_ms), e))
		return false;
	res = PQgetResult(pg->conn);
	if (PQresultStatus(res) == PGRES_COPY_IN) {
		PQclear(res);
		pg->state = PG_COPY_IN;
		pg->copy_unsent = 0;
		return true;
	}
	if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
		/* The end of the statement first: an error may come after it, of a lost connection. */
		struct err ignored = ERR_INIT;

		if (!drain(pg, deadline_us(pg->patience_ms), &last, &ignored) && !pg->conn) {
			PQclear(res);
			return err_set(e, ERR_AWAY, NULL, "%s", ignored.why);
		}
		PQclear(last);
		return fail_result(pg, res, e);
	}
	PQclear(res);
	disconnect(pg);
	return err_set(e, ERR_BUG, NULL, "no such COPY: %.80s", sql);
}

bool
pg_copy_put(struct pg *pg, const char *bytes, size_t len, struct err *e)
{
	if (pg->state != PG_COPY_IN)
		return err_set(e, ERR_BUG, NULL, "pg_copy_put without pg_copy_in");
	while (len > 0) {
		size_t part = len < COPY_UNSENT_MAX ? len : COPY_UNSENT_MAX;

		if (PQputCopyData(pg->conn, bytes, (int)part) != 1)
			return away_conn(pg, "copy", e);
		bytes += part;
		len -= part;
		pg->copy_unsent += part;
		if (pg->copy_unsent >= COPY_UNSENT_MAX) {
			if (!flush(pg, deadline_us(pg->patience_ms), e))
				return false;
			pg->copy_unsent = 0;
		}
	}
	return true;
}

bool
pg_copy_end(struct pg *pg, const char *why_not, struct err *e)
{
	struct err discarded = ERR_INIT;
	PGresult *last;

	if (pg->state != PG_COPY_IN)
		return err_set(e, ERR_BUG, NULL, "pg_copy_end without pg_copy_in");
	if (PQputCopyEnd(pg->conn, why_not) != 1)
		return away_conn(pg, "copy", e);
	if (!flush(pg, deadline_us(pg->patience_ms), e))
		return false;
	if (!why_not) {
		if (!drain(pg, deadline_us(pg->patience_ms), &last, e))
			return false;
		PQclear(last);
		return true;
	}
	/* An error is what we asked for. */
	if (drain(pg, deadline_us(pg->patience_ms), &last, &discarded))
		PQclear(last);
	else if (discarded.kind != ERR_SQL)
		return err_set(e, discarded.kind, NULL, "%s", discarded.why);
	return true;
}
