-- Brings jobs that came back and the workers of a bundle together, when some of these had one of
-- those before: each is passed over for what it had while there is something else, fresh or
-- returned, and gets it when there is not.
--
-- Caller	deal_stage, only when there is such a clash. Seats are numbered from 1, as many as jobs.
--		batches: of the returned jobs, then of the fresh ones. p_line: see next_in_line; of these, what the
--		rates let pass. p_last: who can get nothing else gets what it was passed over for.
-- Answer	the returned jobs that are handed out and their seats, then the fresh jobs (perhaps
--		more than before) whose seats follow those of the returned ones; hint: see take_behind.
-- Errors	none.
-- Locks	as take_fresh (take_gated) and take_returned, a batch after the other.
-- Index	as take_fresh, take_returned and next_in_line; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.seat_returned(p_stage int2, p_due timestamptz,
	seat_workers int8[], inout jobs int8[], inout batches int4[], inout attempts int4[],
	inout flagged boolean[], workers int8[], inout fresh int8[], inout hint int8,
	inout hint_batch int4, p_line int4[], p_last boolean, out seats int4[])
language plpgsql
as $$
#variable_conflict use_variable
declare
	v_free int4[] := array(select generate_series(1, cardinality(seat_workers)));
	v_seat int4[];
	v_back int4[] := batches[:cardinality(jobs)];	-- batches of the returned jobs, then of the fresh ones
	v_fresh int4[] := batches[cardinality(jobs) + 1:];
	v_left int4;
	i int4;
	a record;
	n record;	-- a batch of the line
begin
	v_seat := tracker.seat_jobs(p_stage, seat_workers, v_free, cardinality(v_free), jobs,
		workers);
	v_free := array(select u.n from unnest(v_free) as u(n)
		where u.n <> all (array_remove(v_seat, null)) order by u.n);

	-- Somebody was passed over: look in each batch for other work that came back, which else waited behind what nobody of these may have, and
	-- for more fresh work.
	v_left := cardinality(v_free) - cardinality(fresh);
	n := tracker.next_in_line(p_stage, 0, p_due, p_line);
	while v_left > 0 and n.batch is not null loop
		a := tracker.take_returned(p_stage, n.batch, v_left + 100, null, p_due, jobs);
		v_seat := v_seat || tracker.seat_jobs(p_stage, seat_workers, v_free, v_left, a.jobs,
			a.workers);
		jobs := jobs || a.jobs;
		v_back := v_back || array_fill(n.batch, array[cardinality(a.jobs)]);
		attempts := attempts || a.attempts;
		flagged := flagged || a.flagged;
		v_free := array(select u.n from unnest(v_free) as u(n)
			where u.n <> all (array_remove(v_seat, null)) order by u.n);
		v_left := cardinality(v_free) - cardinality(fresh);
		if v_left > 0 then
			if p_line is null then
				a := tracker.take_fresh(p_stage, n.batch, v_left,
					case when n.batch = hint_batch then coalesce(hint, 0) else 0 end);
			else
				a := tracker.take_gated(p_stage, n.batch, v_left,
					case when n.batch = hint_batch then coalesce(hint, 0) else 0 end);
			end if;
			fresh := fresh || a.jobs;
			v_fresh := v_fresh || array_fill(n.batch, array[cardinality(a.jobs)]);
			if a.hint is not null then
				hint := a.hint;
				hint_batch := n.batch;
			end if;
			v_left := v_left - cardinality(a.jobs);
		end if;
		n := tracker.next_in_line(p_stage, n.place, p_due, p_line);
	end loop;
	-- Nothing else is left for the last seats.
	for i in 1 .. cardinality(jobs) loop
		exit when not p_last or cardinality(v_free) <= cardinality(fresh);
		if v_seat[i] is null then
			v_seat[i] := v_free[cardinality(v_free)];
			v_free := v_free[:cardinality(v_free) - 1];
		end if;
	end loop;

	select coalesce(array_agg(u.job), '{}'), coalesce(array_agg(u.batch), '{}'),
		coalesce(array_agg(u.attempt), '{}'), coalesce(array_agg(u.flag), '{}'),
		coalesce(array_agg(u.seat), '{}')
	into jobs, batches, attempts, flagged, seats
	from unnest(jobs, v_back, attempts, flagged, v_seat) as u(job, batch, attempt, flag, seat)
	where u.seat is not null;
	batches := batches || v_fresh;
	seats := seats || v_free[:cardinality(fresh)];
end $$;
