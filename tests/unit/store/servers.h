/*
 * servers -- a PostgreSQL and a Redis of this test's own, no mocks.
 *
 * Errors	servers_begin skips the whole program when the machine has no servers; a server that
 *		cannot be started fails it.
 */
#ifndef UNIT_STORE_SERVERS_H
#define UNIT_STORE_SERVERS_H

/* Group setup and teardown. */
int servers_begin(void **state);
int servers_end(void **state);
/* A verb of the script: "pg-stop", "redis-start"… */
void servers_do(const char *verb);
/* "host=DIR dbname=postgres user=tracker" */
const char *servers_postgres(void);
/* "unix:DIR/redis.sock" */
const char *servers_redis(void);
/* The process in DIR/redis.pid. */
int servers_redis_pid(void);

#endif
