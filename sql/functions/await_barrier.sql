-- Waits for all of the barrier while the tracker is at work, which goes on meanwhile.
--
-- Caller	acts of an operator that change what claims read: pause_batch and others.
-- Answer	true.
-- Errors	lock_not_available: somebody was past it for all of patience_s.
-- Locks	see try_barrier.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.await_barrier(patience_s int4)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	c_pause_s constant float8 := 0.05;	-- in which everybody passes
	v_until timestamptz := clock_timestamp() + make_interval(secs => patience_s);
begin
	while not tracker.try_barrier() loop
		if clock_timestamp() > v_until then
			raise exception 'somebody has been at work with jobs for % s without a pause', patience_s
				using errcode = 'lock_not_available';
		end if;
		perform pg_sleep(c_pause_s);
	end loop;
	return true;
end $$;
