-- Pauses the batches that are to blame for what fails in them, and takes these ends off the rests of their workers:
-- where, of the workers with an end in one stage of it lately or with work of it in hand, more than three quarters had
-- mostly bad ends, and these are of three people and networks, or of as many as are about (count_crowd). What is wrong
-- itself fails nearly everybody; a crowd of strangers can be half of those who were first. Lately: in 15 minutes, in
-- the last 2000 bad ends, or in the last 20,000 results of the stage, whichever is the shortest; and since it was last
-- resumed. A bad end is an attempt that failed, was abandoned or flagged, or that its worker let go; silence is not the
-- work's fault.
-- Where results are four times as many as bad ends, nothing is to blame but who makes these.
--
-- Caller	run/keeper.c, every few seconds, with the setting pause_on_failures.
-- Answer	the batches that are paused now, and why, for people.
-- Errors	none: where the barrier is not had within two seconds, the next call tries again.
-- Locks	see pause_batch; then rows of worker, in order of id.
-- Index	strike by id, from its end; batch by first; output_finished (block ranges); worker by id; lease by key.
create or replace function tracker.judge_batches(out batch int4, out name text, out why text)
returns setof record
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_lately constant interval := '15 minutes';
	c_ends constant int4 := 20;		-- fewer say nothing
	c_bad constant int4 := 2000;		-- bad ends that are looked at
	c_good constant int4 := 20000;		-- results that are looked at
	c_outweigh constant int4 := 4;
	c_patience_s constant int4 := 2;
	v_now timestamptz := clock_timestamp();
	v_from timestamptz;	-- as far as the bad ends that are looked at go back
	v_since timestamptz;
	v_back interval;
	v_good int8[];
	c record;
	j record;
begin
	v_from := greatest(v_now - c_lately, (
		select k.at from tracker.strike k order by k.id desc offset c_bad - 1 limit 1));
	for c in
		select q.batch, q.name, q.first, q.last, s.stage, g.people, g.networks, greatest(v_from, q.judged_from) as since
		from (
			select k.* from (
				select k.stage, k.job, k.kind, k.chosen, k.at from tracker.strike k
				order by k.id desc limit c_bad) k
			where k.at >= v_from
				and (k.kind in ('failed', 'abandoned', 'flagged') or k.kind = 'released' and k.chosen)) s
		join tracker.batch q on q.batch = tracker.batch_of(s.job)
		join tracker.stage g on g.stage = s.stage
		where s.at > q.judged_from and not q.paused and not q.cancelled
		group by q.batch, q.name, q.first, q.last, q.judged_from, s.stage, g.people, g.networks
		having count(*) * 2 >= c_ends
		order by q.batch, s.stage
	loop
		-- The results of the same time, or of less of it.
		v_back := v_now - c.since;
		loop
			v_since := v_now - v_back;
			v_good := array(
				select case when o.job between c.first and c.last then o.worker end from tracker.output o
				where o.stage = c.stage and o.finished > v_since limit c_good);
			exit when cardinality(v_good) < c_good or v_back < interval '1 second';
			v_back := v_back / 4;
		end loop;
		v_good := array_remove(v_good, null);
		select count(*) as workers, count(*) filter (where e.bad > e.good) as mostly,
			sum(e.bad)::int8 as bad, sum(e.good)::int8 as good,
			count(distinct e.person) filter (where e.bad > e.good) as people,
			count(distinct e.network) filter (where e.bad > e.good) as networks
		into j
		from (
			select coalesce(b.worker, g.worker) as worker, coalesce(b.ends, 0) as bad, coalesce(g.ends, 0) as good,
				b.person, b.network
			from tracker.read_bad_ends(c.stage, c.first, c.last, v_since, c_bad) b
			full join (
				select u.worker, sum(u.ends) as ends
				from (
					select v.worker, 1 as ends from unnest(v_good) as v(worker)
					union all
					select distinct l.worker, 0 from tracker.lease l
					where l.stage = c.stage and l.job between c.first and c.last) u
				group by u.worker) g on g.worker = b.worker) e;
		continue when j.bad + j.good < c_ends or j.good > j.bad * c_outweigh or j.mostly * 4 <= j.workers * 3
			or j.people < least(3, c.people) or j.networks < least(3, c.networks);
		batch := c.batch;
		name := c.name;
		why := format('%s of %s workers fail it: %s bad ends and %s %s lately', j.mostly, j.workers, j.bad, j.good,
			case j.good when 1 then 'result' else 'results' end);
		begin
			continue when not tracker.pause_batch(c.batch, why, c_patience_s);
		exception when lock_not_available then
			continue;
		end;
		perform tracker.spare_rest(c.stage, c.first, c.last, v_since, c_bad);
		return next;
	end loop;
end $$;
