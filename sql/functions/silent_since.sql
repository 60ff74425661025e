-- Since when somebody must have been silent to have been silent for idle_s, when the time in which
-- nobody could be heard is not counted.
--
-- Caller	list_silent, reap_workers, expire_leases, hear.
-- Answer	now - idle_s, and as much earlier as nobody was heard in between.
-- Errors	none.
-- Locks	none.
-- Index	none: a row an outage.
create or replace function tracker.silent_since(idle_s int4)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
	v_at timestamptz := clock_timestamp();
	v_left interval := make_interval(secs => idle_s);
	d record;
begin
	for d in select began, ended from tracker.deaf order by ended desc loop
		exit when v_at - d.ended >= v_left;
		v_left := v_left - greatest(v_at - d.ended, interval '0');
		v_at := least(v_at, d.began);
	end loop;
	return v_at - v_left;
end $$;
