#!/bin/sh
# Private PostgreSQL and Redis for the tests of fcgi/store: unix sockets in DIR, nothing else.
#
#	servers.sh begin DIR | end DIR | pg-start DIR | pg-stop DIR | redis-start DIR | redis-stop DIR
#
# Exit 77: this machine has no such servers, so the tests are skipped.
set -eu
verb=$1
dir=$2

pg_bin()
{
	for bin in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
		if [ -x "$bin/initdb" ]; then
			echo "$bin"
			return
		fi
	done
	exit 77
}
bin=$(pg_bin)
command -v redis-server >/dev/null || exit 77

# PostgreSQL refuses to run as root.
as_postgres()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- env -C "$dir" "$@"
	else
		env -C "$dir" "$@"
	fi
}

pg_start()
{
	as_postgres "$bin/pg_ctl" -D "$dir/pg" -l "$dir/pg.log" -w -s start \
		-o "-k $dir -c listen_addresses='' -c fsync=off -c max_connections=20"
}

pg_stop()
{
	as_postgres "$bin/pg_ctl" -D "$dir/pg" -w -s -m fast stop
}

redis_start()
{
	redis-server --port 0 --unixsocket "$dir/redis.sock" --daemonize yes --save '' \
		--dir "$dir" --pidfile "$dir/redis.pid" --logfile "$dir/redis.log" >/dev/null
	until redis-cli -s "$dir/redis.sock" ping >/dev/null 2>&1; do sleep 0.02; done
}

redis_stop()
{
	redis-cli -s "$dir/redis.sock" shutdown nosave >/dev/null 2>&1 || true
	while [ -e "$dir/redis.pid" ]; do sleep 0.02; done
}

case $verb in
begin)
	if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
	as_postgres "$bin/initdb" -D "$dir/pg" -A trust -N -E UTF8 --locale=C.UTF-8 -U tracker \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
	pg_start
	redis_start
	;;
end)
	pg_stop || true
	redis_stop
	rm -rf "$dir"
	;;
pg-start) pg_start ;;
pg-stop) pg_stop ;;
redis-start) redis_start ;;
redis-stop) redis_stop ;;
*) echo "servers: what is '$verb'?" >&2; exit 64 ;;
esac
