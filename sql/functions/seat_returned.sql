-- Brings jobs that came back and the workers of a bundle together, when some of these had one of
-- those before: each is passed over for what it had while there is something else, fresh or
-- returned, and gets it when there is not.
--
-- Caller	deal_stage, only when there is such a clash. Seats are numbered from 1, as many as
--		jobs.
-- Answer	the returned jobs that are handed out and their seats, then the fresh jobs (perhaps
--		more than before) whose seats follow those of the returned ones; hint: see
--		take_fresh.
-- Errors	none.
-- Locks	as take_fresh and take_returned.
-- Index	as take_fresh and take_returned; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.seat_returned(p_stage int2, p_due timestamptz,
	seat_workers int8[], inout jobs int8[], inout attempts int4[], inout flagged boolean[],
	workers int8[], inout fresh int8[], inout hint int8, out seats int4[])
language plpgsql
as $$
#variable_conflict use_variable
declare
	v_free int4[] := array(select generate_series(1, cardinality(seat_workers)));
	v_seat int4[];
	v_left int4;
	i int4;
	a record;
begin
	v_seat := tracker.seat_jobs(p_stage, seat_workers, v_free, cardinality(v_free), jobs,
		workers, flagged);
	v_free := array(select u.n from unnest(v_free) as u(n)
		where u.n <> all (array_remove(v_seat, null)) order by u.n);

	-- Somebody was passed over: look for more fresh work, then for other work that came back.
	v_left := cardinality(v_free) - cardinality(fresh);
	if v_left > 0 then
		a := tracker.take_fresh(p_stage, v_left, hint);
		fresh := fresh || a.jobs;
		hint := coalesce(a.hint, hint);
		v_left := cardinality(v_free) - cardinality(fresh);
	end if;
	if v_left > 0 then
		a := tracker.take_returned(p_stage, v_left + 100, p_due, jobs);
		v_seat := v_seat || tracker.seat_jobs(p_stage, seat_workers, v_free, v_left, a.jobs,
			a.workers, a.flagged);
		jobs := jobs || a.jobs;
		attempts := attempts || a.attempts;
		flagged := flagged || a.flagged;
		v_free := array(select u.n from unnest(v_free) as u(n)
			where u.n <> all (array_remove(v_seat, null)) order by u.n);
	end if;
	-- Nothing else is left for the last seats.
	for i in 1 .. cardinality(jobs) loop
		exit when cardinality(v_free) <= cardinality(fresh);
		if v_seat[i] is null then
			v_seat[i] := v_free[cardinality(v_free)];
			v_free := v_free[:cardinality(v_free) - 1];
		end if;
	end loop;

	select coalesce(array_agg(u.job), '{}'), coalesce(array_agg(u.attempt), '{}'),
		coalesce(array_agg(u.flag), '{}'), coalesce(array_agg(u.seat), '{}')
	into jobs, attempts, flagged, seats
	from unnest(jobs, attempts, flagged, v_seat) as u(job, attempt, flag, seat)
	where u.seat is not null;
	seats := seats || v_free[:cardinality(fresh)];
end $$;
