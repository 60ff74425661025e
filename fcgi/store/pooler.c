#include "store/pooler.h"

#include <string.h>

#include "store/pg_array.h"

#define PATIENCE_MS 5000

#define ROUNDS 3

static bool
server_of(struct pg *pg, int64_t *pid, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, "select pg_backend_pid()", NULL, 0, &rows, e))
		return false;
	*pid = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

/*
 * Ours is at rest. If its server is lent meanwhile, a second connection that comes now gets that one, or
 * ours gets another afterwards. That the second gets none is fine: then ours is not lent.
 */
static bool
keeps_server(struct pg *pg, struct pg *second, int64_t mine, bool *keeps, struct err *e)
{
	struct err away = ERR_INIT;
	int64_t other = 0, now = 0;

	if (!pg_run(second, "begin", &away) || !server_of(second, &other, &away)) {
		*keeps = away.kind == ERR_AWAY;
		return true;
	}
	*keeps = other != mine;
	if (*keeps && !server_of(pg, &now, e))
		return false;
	*keeps = *keeps && now == mine;
	return pg_run(second, "commit", e);
}

static bool
refuse(struct err *e)
{
	err_clear(e);
	return err_set(e, ERR_REFUSED, NULL,
	    "the pooler in front of PostgreSQL lends a server for a transaction only: give this "
	    "database pool_mode = session, or name PostgreSQL itself (setting postgres)");
}

static bool
ask(struct pg *pg, struct pg *second, int64_t mine, struct err *e)
{
	bool keeps = true;

	/* One that lends for a statement allows no transaction; PgBouncer says so as it hangs up. */
	if (!pg_run(pg, "begin", e) || !pg_run(pg, "commit", e))
		return strstr(e->why, "statement pooling") ? refuse(e) : false;
	for (int i = 0; i < ROUNDS && keeps; i++)
		if (!keeps_server(pg, second, mine, &keeps, e))
			return false;
	return keeps || refuse(e);
}

bool
pooler_check(struct pg *pg, const char *conninfo, struct err *e)
{
	struct pg *second;
	int64_t mine = 0;
	bool ok = server_of(pg, &mine, e);

	/* The process that answers is the one that the connection was made to: nobody stands between. */
	if (ok && mine == pg_server_pid(pg))
		return true;
	if (ok) {
		second = pg_new(conninfo, "pooler check", NULL);
		pg_set_patience(second, PATIENCE_MS);
		ok = ask(pg, second, mine, e);
		pg_free(second);
	}
	/* A statement that was prepared a moment ago is not known, or one of that name is: also lent. */
	return ok || (e->kind == ERR_SQL ? refuse(e) : false);
}
