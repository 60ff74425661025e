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
-- Index	strike by id, from its end; batch by first; see read_results; worker by id; lease by key.
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
	b_worker int8[]; b_ends int8[]; b_person int8[]; b_network int8[]; b_hard int4[]; b_soft int4[];
	c record;
	r record;
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
			where k.at >= v_from and tracker.is_bad_end(k.kind, k.chosen)) s
		join tracker.batch q on q.batch = tracker.batch_of(s.job)
		join tracker.stage g on g.stage = s.stage
		where s.at > q.judged_from and not q.paused and not q.cancelled
		group by q.batch, q.name, q.first, q.last, q.judged_from, s.stage, g.people, g.networks
		having count(*) * 2 >= c_ends
		order by q.batch, s.stage
	loop
		r := tracker.read_results(c.stage, c.since, c_good);
		select array_agg(b.worker), array_agg(b.ends), array_agg(b.person), array_agg(b.network), array_agg(b.hard),
			array_agg(b.soft)
		into b_worker, b_ends, b_person, b_network, b_hard, b_soft
		from tracker.read_bad_ends(c.stage, c.first, c.last, r.from_when, c_bad) b;
		select count(*) as workers, count(*) filter (where e.bad > e.good) as mostly,
			sum(e.bad)::int8 as bad, sum(e.good)::int8 as good,
			count(distinct e.person) filter (where e.bad > e.good) as people,
			count(distinct e.network) filter (where e.bad > e.good) as networks
		into j
		from (
			select coalesce(b.ends, 0) as bad, coalesce(g.ends, 0) as good, b.person, b.network
			from unnest(b_worker, b_ends, b_person, b_network) as b(worker, ends, person, network)
			full join (
				select u.worker, sum(u.ends) as ends
				from (
					select v.worker, 1 as ends from unnest(r.jobs, r.workers) as v(job, worker)
					where v.job between c.first and c.last
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
		perform tracker.spare_rest(b_worker, b_hard, b_soft);
		return next;
	end loop;
end $$;
