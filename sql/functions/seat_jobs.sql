-- Chooses seats for jobs that came back, when somebody in the bundle had one of them before: a job
-- goes to the first free seat whose worker neither had it last, nor flagged it, failed it or let it go, nor was sent
-- away with it.
--
-- Caller	seat_returned. free: the numbers of the free seats, p_max: how many may be taken.
-- Answer	for each job the number of its seat, or null: passed over.
-- Errors	none.
-- Locks	none.
-- Index	strike by (stage, job); see sent_away.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
drop function if exists tracker.seat_jobs(int2, int8[], int4[], int4, int8[], int8[], boolean[]);
create or replace function tracker.seat_jobs(p_stage int2, seat_workers int8[], free int4[],
	p_max int4, jobs int8[], workers int8[])
returns int4[]
language plpgsql
as $$
#variable_conflict use_column
declare
	v_seats int4[] := array_fill(null::int4, array[coalesce(cardinality(jobs), 0)]);
	v_free int4[] := free;
	v_seated int4 := 0;
	v_bad int8[];
	v_away boolean;		-- somebody was sent away with it
	n int4;
	i int4;
begin
	for n in 1 .. coalesce(cardinality(jobs), 0) loop
		exit when v_seated >= p_max or v_free = '{}';
		select array_agg(s.worker) filter (where s.kind in ('failed', 'flagged') or s.chosen),
			bool_or(s.kind = 'released' and not s.chosen and s.reason in ('dropped', 'banned'))
		into v_bad, v_away
		from tracker.strike s where s.stage = p_stage and s.job = jobs[n];
		v_bad := workers[n] || v_bad;
		if v_away then
			v_bad := v_bad || tracker.sent_away(p_stage, jobs[n], seat_workers);
		end if;
		for i in 1 .. cardinality(v_free) loop
			if (seat_workers[v_free[i]] = any (v_bad)) is not true then
				v_seats[n] := v_free[i];
				v_free := v_free[:i - 1] || v_free[i + 1:];
				v_seated := v_seated + 1;
				exit;
			end if;
		end loop;
	end loop;
	return v_seats;
end $$;
