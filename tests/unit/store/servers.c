#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[80], conninfo[128], address[128];

static int
run(const char *verb)
{
	const char *top = getenv("top_srcdir");
	char command[4096];
	int status;

	/* What the servers say goes to their logs: TAP owns our output. */
	snprintf(command, sizeof(command), "%s/tests/unit/store/servers.sh %s %s </dev/null >&2",
	    top ? top : ".", verb, dir);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
servers_begin(void **state)
{
	const char *tmp = getenv("TMPDIR");
	int status;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/test_store.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || chmod(dir, 0711) != 0)
		return -1;
	snprintf(conninfo, sizeof(conninfo), "host=%s dbname=postgres user=tracker", dir);
	snprintf(address, sizeof(address), "unix:%s/redis.sock", dir);
	status = run("begin");
	if (status == 77) {
		rmdir(dir);
		printf("1..0 # SKIP no PostgreSQL or Redis on this machine\n");
		exit(0);
	}
	return status == 0 ? 0 : -1;
}

int
servers_end(void **state)
{
	(void)state;
	return run("end");
}

void
servers_do(const char *verb)
{
	if (run(verb) != 0) {
		fprintf(stderr, "# servers %s failed\n", verb);
		exit(1);
	}
}

const char *
servers_postgres(void)
{
	return conninfo;
}

const char *
servers_redis(void)
{
	return address;
}

int
servers_redis_pid(void)
{
	char path[128];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/redis.pid", dir);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1 || pid <= 1)
		exit(1);
	fclose(file);
	return pid;
}
